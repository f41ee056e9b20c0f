// The SDKs wait a minute and more before they try again; here that is a second.
const later = globalThis.setTimeout
globalThis.setTimeout = (f, ms, ...rest) => later(f, ms >= 5000 ? 1000 : ms, ...rest)
const every = globalThis.setInterval
globalThis.setInterval = (f, ms, ...rest) => every(f, ms >= 5000 ? 1000 : ms, ...rest)
