// Bundles src/ into the directory named as argument: index.html, and all it needs under names that tell their content.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const out = process.argv[2]
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const { metafile } = await build({
  entryPoints: { app: 'src/main.jsx', style: 'src/style.css', icon: 'src/icon.svg' },
  entryNames: '[name]-[hash]',
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.svg': 'copy' },
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: { js: '/*! Licences of what is bundled here: licences.txt */' },
  metafile: true,
})

const built = Object.fromEntries(
  Object.entries(metafile.outputs).map(([path, { entryPoint }]) => [entryPoint, path.split('/').at(-1)])
)
const page = readFileSync('src/index.html', 'utf8')
writeFileSync(`${out}/index.html`, page.replace(/\bsrc\/[\w.]+/g, (source) => `ui/${built[source]}`))

const packages = new Set(Object.keys(metafile.inputs).map((path) => path.match(/node_modules\/(@[^/]+\/[^/]+|[^/]+)/)?.[1]))
packages.delete(undefined)
writeFileSync(`${out}/licences.txt`, [...packages].sort().map(licence).join('\n\n'))

function licence(name) {
  const directory = `node_modules/${name}`
  const { version, license } = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'))
  const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each))
  return `${name} ${version} (${license})\n\n${file ? readFileSync(`${directory}/${file}`, 'utf8') : ''}`
}
