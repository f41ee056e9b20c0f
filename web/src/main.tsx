import '@fontsource-variable/inter/wght.css'
import '@fontsource/jetbrains-mono/latin-400.css'
import './mantine.css'
import 'uplot/dist/uPlot.min.css'
import './theme.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import { pageNonce } from './lib/nonce'

// The scroll lock under dialogs makes its own style element and looks here for the nonce.
Object.assign(globalThis, { __webpack_nonce__: pageNonce() })

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )
}
