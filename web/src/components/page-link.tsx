import { useRouter } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, MouseEvent } from 'react'
import { hrefTo, type Patch, useAddress } from '../lib/address'

interface Props extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> {
  to: string
  search?: Patch
}

/** A link to another page that takes the time range along. New tabs work as with any link. */
export function PageLink({ to, search, onClick, ...rest }: Props) {
  const router = useRouter()
  const address = useAddress()
  const href = hrefTo(to, search ?? {}, address.search)
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event)
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    router.history.push(href)
  }
  return <a {...rest} href={href} onClick={follow} />
}
