// The page's icons: strokes on a grid of 24, in the colour of the text around them.

const PATHS = {
  bell: ['M6 16.5V11a6 6 0 1 1 12 0v5.5l1.5 2h-15z', 'M10 21h4'],
  inbox: ['M4 13.5 6.6 5h10.8l2.6 8.5V19H4z', 'M4 13.5h4.5l1.5 2.5h4l1.5-2.5H20'],
  board: ['M4 5h4.5v14H4z', 'M9.8 5h4.5v9H9.8z', 'M15.5 5H20v11.5h-4.5z'],
  list: ['M9 6h11M9 12h11M9 18h11', 'M4.5 6h.01M4.5 12h.01M4.5 18h.01'],
  people: ['M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z', 'M2.8 19.5c.5-3.3 3-5.2 6.2-5.2s5.7 1.9 6.2 5.2', 'M16 5a3.3 3.3 0 0 1 0 6.3M18 14.6c1.8.7 3 2.5 3.3 4.9'],
  queue: ['M4 6h16v4H4zM4 14h16v4H4z', 'M7.5 8h.01M7.5 16h.01'],
  settings: ['M4 7h9M19 7h1M4 17h1M11 17h9', 'M16 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z'],
  search: ['M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14z', 'm20 20-4-4'],
  plus: ['M12 5v14M5 12h14'],
  close: ['m6 6 12 12M18 6 6 18'],
  more: ['M5.5 12h.01M12 12h.01M18.5 12h.01'],
  menu: ['M4 7h16M4 12h16M4 17h16'],
  check: ['m5 12.5 4.5 4.5L19 7.5'],
  play: ['M8 5.5v13l10-6.5z'],
  pause: ['M8.5 6v12M15.5 6v12'],
  undo: ['M8.5 14 4 9.5 8.5 5', 'M4 9.5h9.5a6 6 0 0 1 0 12H11'],
  ban: ['M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z', 'm6.5 6.5 11 11'],
  trash: ['M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7', 'M10 11v5M14 11v5'],
  calendar: ['M5 6.5h14V19.5H5zM5 10.5h14M8.5 4v4M15.5 4v4'],
  flag: ['M6 21V4.5M6 5c4-2 7 2 12 0v8.5c-5 2-8-2-12 0'],
  up: ['m7 14.5 5-5 5 5'],
  double: ['m7 17 5-5 5 5M7 11.5l5-5 5 5'],
  down: ['m7 9.5 5 5 5-5'],
  right: ['m9.5 7 5 5-5 5'],
  left: ['m14.5 7-5 5 5 5'],
  user: ['M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M4.5 20c.6-3.7 3.6-5.8 7.5-5.8s6.9 2.1 7.5 5.8'],
  tag: ['M4 4.5h7.5l8.5 8.5-7 7L4.5 11.5z', 'M8.2 8.5h.01'],
  comment: ['M4.5 5h15v11h-8L7 19.8V16H4.5z'],
  sun: ['M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4'],
  moon: ['M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z'],
  globe: ['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 'M3.5 12h17M12 3.5c2.5 2.4 3.5 5.2 3.5 8.5s-1 6.1-3.5 8.5c-2.5-2.4-3.5-5.2-3.5-8.5s1-6.1 3.5-8.5z'],
  keyboard: ['M3.5 6.5h17v11h-17z', 'M7 10h.01M10.3 10h.01M13.7 10h.01M17 10h.01M8 14h8'],
  leave: ['M14 4.5H5.5v15H14', 'M10.5 12h10M17 8.5l3.5 3.5-3.5 3.5'],
  archive: ['M4 5h16v4H4zM5.5 9v10.5h13V9', 'M10 13h4'],
  repeat: ['M17 3.5 20.5 7 17 10.5', 'M3.5 11.5V10a3 3 0 0 1 3-3h14', 'M7 20.5 3.5 17 7 13.5', 'M20.5 12.5V14a3 3 0 0 1-3 3h-14'],
  edit: ['m4.5 19.5 1-4.5L16 4.5l3.5 3.5L9 18.5z', 'm13.5 7 3.5 3.5'],
  offline: ['M3.5 3.5l17 17', 'M8.5 15.5a5 5 0 0 1 6.5-.3M5.5 12a9 9 0 0 1 4-2.3M14.5 9.7c1.5.4 2.9 1.2 4 2.3', 'M12 19h.01'],
  clock: ['M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z', 'M12 7.5V12l3 2'],
  key: ['M8 20a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'm10.8 13.2 8.2-8.2M15.5 8.5l3 3'],
  copy: ['M9 9h10.5v10.5H9z', 'M5.5 15H4.5V4.5H15v1'],
  mail: ['M3.5 6h17v12.5h-17z', 'm4 6.5 8 6.5 8-6.5'],
};

/**
 * An icon. It says nothing to a screen reader: the text or label beside it does.
 * @param {keyof typeof PATHS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  for (const data of PATHS[name]) {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', data);
    svg.append(path);
  }
  return svg;
}
