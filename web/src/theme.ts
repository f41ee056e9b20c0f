import { createTheme, type MantineColorsTuple } from '@mantine/core'

const gate: MantineColorsTuple = [
  '#e8f6f2', '#d2ebe4', '#a5d8ca', '#74c4ae', '#4db396', '#2f9c81', '#17856d', '#0f6e5c', '#0b5a4b', '#06463a',
]
const dark: MantineColorsTuple = [
  '#e2e8e6', '#c3cdca', '#9aa7a3', '#7d8a86', '#4a5552', '#333d3a', '#262e2c', '#181e1d', '#121716', '#0b0f0e',
]

/** Dense and calm: small type, small radii, one accent. */
export const theme = createTheme({
  colors: { gate, dark },
  primaryColor: 'gate',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono', ui-monospace, monospace",
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '19px' },
  defaultRadius: 6,
  cursorType: 'pointer',
  components: {
    Tooltip: { defaultProps: { openDelay: 250, withArrow: false, fz: 12, withinPortal: true } },
    Popover: { defaultProps: { shadow: 'md', withinPortal: true } },
  },
})
