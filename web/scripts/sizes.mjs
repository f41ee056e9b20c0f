// Prints what each screen loads (gzip, without fonts) and fails above the
// budget: the shell 200 kB, any screen 350 kB.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'))
const size = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length

/** All files that loading this entry pulls in. */
function files(key, seen = new Set()) {
  const chunk = manifest[key]
  for (const file of [chunk.file, ...(chunk.css ?? [])]) seen.add(file)
  for (const next of chunk.imports ?? []) if (!seen.has(manifest[next].file)) files(next, seen)
  return seen
}
const kilobytes = (set) => [...set].reduce((sum, file) => sum + size(file), 0) / 1000
const shell = files('index.html')
let failed = false
const report = (name, total, budget) => {
  failed ||= total > budget
  console.log(`${name.padEnd(10)} ${total.toFixed(1).padStart(7)} kB gz (budget ${budget})`)
}
report('shell', kilobytes(shell), 200)
for (const key of Object.keys(manifest)) {
  const page = /^src\/pages\/([^/]+)\/index\.tsx$/.exec(key)?.[1]
  if (page) report(page, kilobytes(new Set([...shell, ...files(key)])), 350)
}
if (failed) process.exitCode = 1
