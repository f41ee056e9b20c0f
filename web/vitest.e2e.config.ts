import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['e2e/*.spec.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    expect: { poll: { timeout: 30_000 } }, // a busy machine is slow
  },
})
