// What the page is about, as it stands in the file: findings are rows of values in the order of
// `columns`; a text is its number in `texts`. Values from logs only ever become text nodes.

const DATA = JSON.parse(document.getElementById('data').textContent);
const TEXTS = DATA.texts;
const ROWS = DATA.findings.rows;
const COLUMN = new Map(DATA.findings.columns.map((name, index) => [name, index]));
const LABELS = ['critical', 'high', 'medium', 'low'];

/** A value of a finding, or null. */
function value(row, name) {
  return ROWS[row][COLUMN.get(name)] ?? null;
}

/** A text of a finding; empty if there is none. */
function text(row, name) {
  return TEXTS[value(row, name)] ?? '';
}

/** The texts of a list. */
function texts(row, name) {
  return (value(row, name) ?? []).map((number) => TEXTS[number]);
}

/** A column of numbers. */
function numbers(of) {
  return Float64Array.from(ROWS, (_, row) => of(row));
}

const SEVERITY = numbers((row) => value(row, 'severity') ?? 0);
const FIRST = numbers((row) => value(row, 'first_seen') / 1000);
const LAST = numbers((row) => value(row, 'last_seen') / 1000);
/** Positions in LABELS. */
const LABEL = numbers((row) => LABELS.indexOf(text(row, 'severity_label')));
/** Suppressed or withdrawn. */
const HIDDEN = numbers((row) => (value(row, 'suppressed') || text(row, 'status') === 'withdrawn' ? 1 : 0));
const ROW_OF_ID = new Map(ROWS.map((_, row) => [value(row, 'finding_id'), row]));

/** Seconds by which the zone is ahead of UTC at a time. */
function offsetAt(seconds) {
  let offset = 0;
  for (const [from, ahead] of DATA.zone.offsets) {
    if (from > seconds) break;
    offset = ahead;
  }
  return offset;
}

function two(number) {
  return String(number).padStart(2, '0');
}

/** `+02:00`, or `UTC` if the zone is UTC. */
function offsetText(seconds) {
  if (DATA.zone.name === 'UTC') return 'UTC';
  const minutes = Math.round(offsetAt(seconds) / 60);
  const ahead = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}

/** The parts of a time in the zone. */
function parts(seconds) {
  const iso = new Date((seconds + offsetAt(seconds)) * 1000).toISOString();
  return { day: iso.slice(0, -14), time: iso.slice(-13, -5) };
}

/** `2025-06-03 10:15:02 +02:00`. */
function timeText(seconds) {
  const { day, time } = parts(seconds);
  return `${day} ${time} ${offsetText(seconds)}`;
}

/** `2025-06-03 10:15:02–10:27:40 +02:00`: the second day and offset only where they differ. */
function interval(first, last) {
  if (first === last) return timeText(first);
  const [from, to] = [parts(first), parts(last)];
  const zone = offsetText(first) === offsetText(last) ? '' : ` ${offsetText(first)}`;
  const end = from.day === to.day ? to.time : `${to.day} ${to.time}`;
  return `${from.day} ${from.time}${zone} – ${end} ${offsetText(last)}`;
}

/** `1,234`. */
function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

function counted(number, noun) {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** An element with classes and children; strings become text. */
function el(tag, classes, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

/** A button that does something. */
function button(classes, label, action) {
  const element = el('button', classes, label);
  element.type = 'button';
  element.addEventListener('click', action);
  return element;
}

function badge(row) {
  const label = LABELS[LABEL[row]] ?? 'low';
  return el('span', `badge ${label}`, `${label} ${SEVERITY[row].toFixed(1)}`);
}
