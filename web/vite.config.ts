import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// GATEHOUSE_URL: the monitor door that `npm run dev` forwards API calls to.
const monitor = process.env.GATEHOUSE_URL ?? 'http://127.0.0.1:9080'

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    manifest: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: Object.fromEntries(['/api', '/prometheus', '/alertmanager'].map((path) => [path, monitor])),
  },
})
