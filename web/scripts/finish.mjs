// Runs after `vite build`: writes .gz and .br files beside the assets, which
// web.go serves to browsers that take them, and prints the sizes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const folder = new URL('../dist/assets/', import.meta.url).pathname
for (const name of readdirSync(folder)) {
  if (!/\.(js|css|svg)$/.test(name)) continue
  const body = readFileSync(join(folder, name))
  writeFileSync(join(folder, `${name}.gz`), gzipSync(body, { level: 9 }))
  writeFileSync(join(folder, `${name}.br`), brotliCompressSync(body))
}
await import('./sizes.mjs')
