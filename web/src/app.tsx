import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, RouterProvider } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError } from './api/client'
import { PageError } from './components/page-error'
import { NotFound } from './components/not-found'
import { SessionProvider } from './components/session'
import { Shell } from './components/shell'
import { parseSearch, stringifySearch } from './lib/address'
import { pageNonce } from './lib/nonce'
import { pages } from './pages'
import { theme } from './theme'

/** Old data stays while new loads; what cannot get better is not asked again. */
function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        gcTime: 120_000,
        refetchOnWindowFocus: false,
        placeholderData: (previous: unknown) => previous,
        retry: (failures, error) => failures < 1 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      },
    },
  })
}

function newRouter() {
  const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: PageError })
  const routes = pages.map((page) =>
    createRoute({
      getParentRoute: () => root,
      path: page.path,
      component: lazyRouteComponent(page.load, 'Page'),
      errorComponent: PageError,
    }),
  )
  return createRouter({
    routeTree: root.addChildren(routes),
    parseSearch,
    stringifySearch,
    scrollRestoration: true,
    scrollToTopSelectors: ['#main'],
  })
}

export function App() {
  const [queries] = useState(newQueryClient)
  const [router] = useState(newRouter)
  const [colours] = useState(() => localStorageColorSchemeManager({ key: 'gatehouse-colours' }))
  return (
    <MantineProvider theme={theme} colorSchemeManager={colours} defaultColorScheme="auto" getStyleNonce={pageNonce}>
      <QueryClientProvider client={queries}>
        <SessionProvider>
          <RouterProvider router={router} />
        </SessionProvider>
      </QueryClientProvider>
    </MantineProvider>
  )
}
