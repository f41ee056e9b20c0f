import { Button, Modal, PasswordInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { createContext, type FormEvent, type ReactNode, useContext, useMemo, useRef, useState } from 'react'
import { type Client, createClient, type TokenStore } from '../api/client'
import styles from './session.module.css'

const KEY = 'gatehouse-admin-token'

const tabStorage: TokenStore = {
  read: () => sessionStorage.getItem(KEY) ?? undefined,
  write: (token) => (token === undefined ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, token)),
}

const ClientContext = createContext<Client | undefined>(undefined)

/** The client of this origin's APIs, signed in when a token was given. */
export function useClient(): Client {
  const client = useContext(ClientContext)
  if (!client) throw new Error('useClient needs a SessionProvider above it')
  return client
}

/** Asks for the admin token when an API answers 401; keeps it for this tab only. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient()
  const [asked, setAsked] = useState(false)
  const [refused, setRefused] = useState(false)
  const client = useMemo(
    () =>
      createClient(tabStorage, (sent) => {
        // Several calls are refused at once, and late ones may belong to an older token.
        if (sent !== tabStorage.read()) return
        if (sent !== undefined) setRefused(true)
        tabStorage.write(undefined)
        setAsked(true)
      }),
    [],
  )
  const signIn = (token: string) => {
    tabStorage.write(token)
    setAsked(false)
    setRefused(false)
    void queries.resetQueries()
  }
  return (
    <ClientContext value={client}>
      {children}
      <Modal closeButtonProps={{ 'aria-label': 'Close' }} opened={asked} onClose={() => setAsked(false)} title="Sign in" centered size={400}>
        <SignIn refused={refused} onToken={signIn} />
      </Modal>
    </ClientContext>
  )
}

function SignIn({ refused, onToken }: { refused: boolean; onToken: (token: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const token = input.current?.value.trim() ?? ''
    if (token !== '') onToken(token)
  }
  return (
    <form onSubmit={submit} className={styles.form}>
      <p className={styles.text}>
        This console needs the admin token. When Gatehouse starts it names the file that holds it. The
        token is kept in this tab only and forgotten when the tab closes.
      </p>
      <PasswordInput
        ref={input}
        label="Admin token"
        autoComplete="off"
        data-autofocus
        error={refused ? 'That token was refused.' : undefined}
      />
      <Button type="submit">Sign in</Button>
    </form>
  )
}
