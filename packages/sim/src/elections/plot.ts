// Curves and marks on two labelled axes as an SVG text. It brings its own ground and inks for a light and a dark page, and uses
// nothing that a viewer of plain SVG lacks. Knows nothing of what it draws.

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly print: (value: number) => string;
}

export type Point = readonly [x: number, y: number];

/** One line of the legend: a curve, or marks with error bars, or both in one colour. */
export interface Series {
  readonly name: string;
  readonly curve: readonly Point[];
  readonly marks?: readonly { readonly at: Point; readonly error: number }[];
}

export interface Plot {
  readonly title: string;
  /** For who cannot see it. */
  readonly says: string;
  readonly x: Axis;
  readonly y: Axis;
  /** At most as many as there are inks. */
  readonly series: readonly Series[];
  /** Under the legend, a line each. */
  readonly notes: readonly string[];
}

const width = 800;
const height = 440;
const area = { left: 70, top: 52, right: 580, bottom: 376 } as const;
const legendAt = area.right + 20;

/** Each with a dash of its own: colour is not the only difference. */
const inks: readonly { readonly light: string; readonly dark: string; readonly dash: string }[] = [
  { light: '#0067a3', dark: '#62b6f0', dash: '' },
  { light: '#b94a00', dark: '#ff9859', dash: '8 4' },
  { light: '#00694d', dark: '#3fd0a4', dash: '2 4' },
  { light: '#803396', dark: '#d79ae8', dash: '12 4 2 4' },
  { light: '#7a6000', dark: '#dfc24a', dash: '5 2' },
  { light: '#4a4a4a', dark: '#c4c4c4', dash: '14 5' },
];

export function draw(plot: Plot): string {
  if (plot.series.length > inks.length) throw new RangeError(`there are ${inks.length} inks`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title says">`,
    `<title id="title">${escaped(plot.title)}</title>`,
    `<desc id="says">${escaped(plot.says)}</desc>`,
    `<style>${style()}</style>`,
    `<clipPath id="area"><rect x="${area.left}" y="${area.top}" width="${area.right - area.left}" height="${area.bottom - area.top}"/></clipPath>`,
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    text(area.left, 30, plot.title, 'head'),
    ...horizontal(plot),
    ...vertical(plot),
    `<path class="axis" d="M${area.left} ${area.top}V${area.bottom}H${area.right}"/>`,
    ...plot.series.flatMap((series, at) => seriesOf(plot, series, at)),
    ...legend(plot),
    '</svg>',
    '',
  ].join('\n');
}

function style(): string {
  const palette = (theme: 'light' | 'dark', ground: string, text: string, grid: string): string =>
    [
      `.ground{fill:${ground}}text{fill:${text}}.axis{stroke:${text}}.grid{stroke:${grid}}`,
      ...inks.map((ink, at) => `.s${at}{stroke:${ink[theme]}}.m${at}{fill:${ink[theme]}}`),
    ].join('');
  return [
    'text{font:13px system-ui,sans-serif}.head{font-size:16px;font-weight:600}.note{font-size:12px}',
    '.axis,.grid,.curve,.error{fill:none}.curve{stroke-width:2}.error{stroke-width:1.5}',
    ...inks.map(({ dash }, at) => (dash === '' ? '' : `.curve.s${at}{stroke-dasharray:${dash}}`)),
    palette('light', '#ffffff', '#222222', '#dddddd'),
    `@media (prefers-color-scheme:dark){${palette('dark', '#16191d', '#e6e6e6', '#3a3f45')}}`,
  ].join('');
}

/** The x axis and its grid. */
function horizontal({ x }: Plot): readonly string[] {
  return [
    ...x.ticks.flatMap((tick) => {
      const at = placeX(x, tick);
      return [
        `<path class="grid" d="M${at} ${area.top}V${area.bottom}"/>`,
        text(at, area.bottom + 20, x.print(tick), 'note', 'middle'),
      ];
    }),
    text((area.left + area.right) / 2, height - 18, x.label, '', 'middle'),
  ];
}

/** The y axis and its grid. */
function vertical({ y }: Plot): readonly string[] {
  const middle = (area.top + area.bottom) / 2;
  return [
    ...y.ticks.flatMap((tick) => {
      const at = placeY(y, tick);
      return [
        `<path class="grid" d="M${area.left} ${at}H${area.right}"/>`,
        text(area.left - 8, at + 4, y.print(tick), 'note', 'end'),
      ];
    }),
    `<text x="20" y="${middle}" text-anchor="middle" transform="rotate(-90 20 ${middle})">${escaped(y.label)}</text>`,
  ];
}

function seriesOf({ x, y }: Plot, { curve, marks = [] }: Series, at: number): readonly string[] {
  const points = curve.map(([px, py]) => `${placeX(x, px)} ${placeY(y, py)}`);
  return [
    `<path class="curve s${at}" clip-path="url(#area)" d="M${points.join('L')}"/>`,
    ...marks.flatMap(({ at: [px, py], error }) => {
      const left = placeX(x, px);
      const [low, high] = [placeY(y, py - error), placeY(y, py + error)];
      const cap = (level: number): string => `M${left - 4} ${level}h8`;
      return [
        `<path class="error s${at}" d="M${left} ${low}V${high}${cap(low)}${cap(high)}"/>`,
        `<circle class="m${at}" cx="${left}" cy="${placeY(y, py)}" r="3"/>`,
      ];
    }),
  ];
}

function legend({ series, notes }: Plot): readonly string[] {
  const line = (at: number): number => area.top + 12 + at * 24;
  const below = line(series.length) + 4;
  return [
    ...series.flatMap(({ name, marks }, at) => [
      `<path class="curve s${at}" d="M${legendAt} ${line(at)}h34"/>`,
      ...(marks === undefined ? [] : [`<circle class="m${at}" cx="${legendAt + 17}" cy="${line(at)}" r="3"/>`]),
      text(legendAt + 42, line(at) + 4, name),
    ]),
    ...notes.map((note, at) => text(legendAt, below + at * 17, note, 'note')),
  ];
}

function placeX(axis: Axis, value: number): number {
  return rounded(area.left + share(axis, value) * (area.right - area.left));
}

function placeY(axis: Axis, value: number): number {
  return rounded(area.bottom - share(axis, value) * (area.bottom - area.top));
}

/** How far along its axis a value is, from 0 to 1. */
function share({ scale, from, to }: Axis, value: number): number {
  if (scale === 'linear') return (value - from) / (to - from);
  return Math.log(value / from) / Math.log(to / from);
}

/** A tenth of a pixel: the last digits of a logarithm are not the same on every engine. */
function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function text(x: number, y: number, words: string, kind = '', anchor = 'start'): string {
  const classes = kind === '' ? '' : ` class="${kind}"`;
  const anchored = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${rounded(y)}"${classes}${anchored}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
