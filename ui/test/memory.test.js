import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOld } from '../src/memory.js'

const DAY = 24 * 3600 * 1000

test('what is finished is old after a week, the rest after a month, since it was last heard of', () => {
  const days = (state, count, more = {}) => isOld({ state, added: 0, ...more }, count * DAY + 1)
  assert.deepEqual(['done', 'paused', 'waiting', 'failed'].map((state) => days(state, 6.9)), [false, false, false, false])
  assert.deepEqual(['done', 'paused', 'waiting', 'failed'].map((state) => days(state, 7)), [true, false, false, false])
  assert.deepEqual(['done', 'paused', 'waiting', 'failed'].map((state) => days(state, 30)), [true, true, true, true])
  assert.equal(days('done', 7, { heard: DAY }), false)
})
