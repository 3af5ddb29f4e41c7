import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../src/pace.js'
import { bytes, duration, job, percent, scanned } from '../src/words.js'

test('sizes have at most three digits and never a unit too small', () => {
  const said = [0, 1, 999, 1000, 9949, 9950, 999_499, 999_500, 1e6, 123_456_789, 2.5e12, 4e15].map(bytes)
  const meant = ['0 bytes', '1 byte', '999 bytes', '1.0 kB', '9.9 kB', '10 kB', '999 kB', '1.0 MB', '1.0 MB', '123 MB', '2.5 TB', '4000 TB']
  assert.deepEqual(said, meant)
})

test('times are rounded up, coarser the longer they are', () => {
  const said = [0, 4, 6, 54, 56, 61, 3299, 3301, 7201].map(duration)
  assert.deepEqual(said, ['a few seconds', 'a few seconds', '10 s', '55 s', '1 min', '2 min', '55 min', '1 h', '3 h'])
})

test('nothing is at 100 % before its last byte', () => {
  assert.deepEqual([percent(0, 7), percent(999, 1000), percent(1000, 1000), percent(0, 0)], ['0 %', '99 %', '100 %', '100 %'])
})

test('the pace is that of the last seconds, and not told at once', () => {
  const pace = new Pace().begin(1000, 0)
  assert.deepEqual(pace.tell(9000), {})
  for (let second = 1; second <= 4; second++) pace.add(1000 + 500 * second, 1000 * second)
  assert.deepEqual(pace.tell(9000), { speed: 500, left: 12 })
  for (let second = 5; second <= 40; second++) pace.add(3000 + 100 * (second - 4), 1000 * second)
  assert.ok(Math.abs(pace.tell(9000).speed - 100) < 1)
})

test('a job says its kind, how far it is, and why it failed', () => {
  const said = (phase, more) => job({ kind: 'unzip', args: {}, phase, progress: { done: 1, total: 4 }, error: null, ...more })
  assert.deepEqual(['queued', 'running', 'done', 'cancelled'].map((phase) => said(phase)), [
    'Unpacking: waiting', 'Unpacking: 25 %', 'Unpacking: done', 'Unpacking: cancelled',
  ])
  assert.equal(said('running', { progress: { done: 1, total: null } }), 'Unpacking: under way')
  assert.equal(said('failed', { error: { code: 'x', message: 'it is no archive' } }), 'Unpacking failed: It is no archive.')
  assert.equal(said('done', { kind: 'command', args: { name: 'thumb' } }), 'Command thumb: done')
})

test('each verdict of a scanner has words', () => {
  const said = ['pending', 'clean', 'found', 'unscanned', 'failed'].map((verdict) => scanned({ verdict, name: null }))
  assert.equal(new Set(said).size, 5)
  assert.ok(said.every((words) => words.includes('virus')))
  assert.equal(scanned({ verdict: 'found', name: 'Eicar' }), 'A virus was found: Eicar')
})
