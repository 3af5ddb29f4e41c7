// Drawn on a grid of 20, in the colour of the text. They say nothing: the buttons they are on have names.

const PATHS = {
  pause: 'M7 4.5v11M13 4.5v11',
  play: 'M6.5 4.5v11l9-5.5z',
  retry: 'M15.5 8.5a6 6 0 1 0 .3 3.4M16 4v4.5h-4.5',
  close: 'M5 5l10 10M15 5 5 15',
  link: 'M8.5 11.5a3.2 3.2 0 0 0 4.6 0l2.2-2.2a3.25 3.25 0 0 0-4.6-4.6l-.9.9M11.5 8.5a3.2 3.2 0 0 0-4.6 0l-2.2 2.2a3.250 3.250 0 0 0 4.6 4.6l.9-.9',
  check: 'M4.5 10.5l3.7 3.7 7.3-8',
  file: 'M5.5 3h6l3 3.2V17h-9z',
  up: 'M10 15.5V5M5.5 9 10 4.5 14.5 9',
}

export function Icon({ name }) {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}
