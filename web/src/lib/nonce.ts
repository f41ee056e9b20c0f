/** The nonce of this page's answer: style elements need it, the policy allows no others. */
export function pageNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
}
