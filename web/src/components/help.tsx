import { Kbd, Modal } from '@mantine/core'
import { Fragment } from 'react'
import styles from './help.module.css'

const KEYS: readonly { title: string; keys: readonly (readonly [string, string])[] }[] = [
  {
    title: 'Everywhere',
    keys: [
      ['g h', 'Home'],
      ['g t', 'Traces'],
      ['/', 'Search'],
      ['Ctrl K', 'Go to anything'],
      ['r', 'Refresh now'],
      ['[  ]', 'Move the time range back or forward'],
      ['?', 'This help'],
    ],
  },
  {
    title: 'Traces',
    keys: [
      ['↑  ↓', 'Previous or next result'],
      ['Enter', 'Open the trace'],
      ['drag', 'On the histogram: keep these durations'],
    ],
  },
  {
    title: 'Trace',
    keys: [
      ['↑  ↓', 'Previous or next span'],
      ['←  →', 'Collapse or expand, or go to the parent or first child'],
      ['[  ]', 'Previous or next failed span; without failures, along the critical path'],
      ['drag', 'On the ruler: zoom in. Esc zooms out'],
      ['c', 'Copy the trace id'],
    ],
  },
]

export function Help({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal closeButtonProps={{ 'aria-label': 'Close' }} opened={opened} onClose={onClose} title="Keys" size={560} centered>
      {KEYS.map((group) => (
        <section key={group.title} className={styles.group}>
          <h3 className={styles.title}>{group.title}</h3>
          <dl className={styles.keys}>
            {group.keys.map(([key, text]) => (
              <Fragment key={key}>
                <dt>
                  {key.split(/\s+/).map((part) => (
                    <Kbd key={part}>{part}</Kbd>
                  ))}
                </dt>
                <dd>{text}</dd>
              </Fragment>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  )
}
