// Two charts over one time: findings by severity, and below them what was logged. Hours without
// events between hours with some are hatched in both.

const HOUR = 3600;
/** Steps between marks of the time axis, seconds. */
const STEPS = [60, 300, 900, 1800, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 7 * 24 * HOUR, 14 * 24 * HOUR, 28 * 24 * HOUR, 91 * 24 * HOUR, 182 * 24 * HOUR, 364 * 24 * HOUR, 1820 * 24 * HOUR];
const DAY = 24 * HOUR;

const timeline = { all: [0, 1], view: [0, 1], logged: DATA.coverage.all, gaps: [], charts: [], rows: [] };

/** A colour of the style sheet. */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** The hours without events: [from, until] in seconds. */
function gapsOf(logged) {
  const gaps = [];
  for (let at = 1; at < logged.hours.length; at += 1) {
    const [before, after] = [logged.hours[at - 1], logged.hours[at]];
    if (after > before + 1) gaps.push([(before + 1) * HOUR, after * HOUR]);
  }
  return gaps;
}

/** From the first to the last event or finding, with some room. */
function wholeSpan() {
  const { hours } = DATA.coverage.all;
  let [from, to] = hours.length ? [hours[0] * HOUR, (hours[hours.length - 1] + 1) * HOUR] : [Infinity, -Infinity];
  for (let row = 0; row < ROWS.length; row += 1) {
    from = Math.min(from, FIRST[row]);
    to = Math.max(to, LAST[row]);
  }
  if (!(to > from)) return [0, DAY];
  const room = Math.max((to - from) * 0.01, HOUR / 2);
  return [from - room, to + room];
}

/** Marks of the time axis, on whole steps of the zone. */
function timeMarks(u, axis, min, max) {
  const most = Math.max(2, u.bbox.width / devicePixelRatio / 110);
  const step = STEPS.find((each) => (max - min) / each <= most) ?? STEPS[STEPS.length - 1];
  const ahead = offsetAt(min);
  const marks = [];
  for (let at = Math.ceil((min + ahead) / step) * step - ahead; at <= max; at += step) marks.push(at);
  return marks;
}

/** Their texts: the time where that differs, and the day where it begins. */
function timeMarkTexts(u, marks) {
  const days = marks.length > 1 && marks[1] - marks[0] >= DAY;
  return marks.map((mark, at) => {
    const { day, time } = parts(mark);
    if (days) return day;
    const isNew = at === 0 || parts(marks[at - 1]).day !== day;
    return isNew ? `${time.slice(0, 5)}\n${day}` : time.slice(0, 5);
  });
}

/** A pattern of slanted lines. */
function hatch(context) {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8 * devicePixelRatio;
  const pen = tile.getContext('2d');
  const side = tile.width;
  pen.fillStyle = color('gap');
  pen.fillRect(0, 0, side, side);
  pen.strokeStyle = color('gap-line');
  pen.lineWidth = devicePixelRatio;
  pen.beginPath();
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift, side);
    pen.lineTo(shift + side, 0);
  }
  pen.stroke();
  return context.createPattern(tile, 'repeat');
}

function drawGaps(u) {
  const { ctx, bbox } = u;
  const [min, max] = timeline.view;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = hatch(ctx);
  const wide = [];
  for (const [from, until] of timeline.gaps) {
    if (until < min || from > max) continue;
    const left = u.valToPos(Math.max(from, min), 'x', true);
    const width = Math.max(1, u.valToPos(Math.min(until, max), 'x', true) - left);
    ctx.fillRect(left, bbox.top, width, bbox.height);
    if (width > 130 * devicePixelRatio) wide.push(left + width / 2);
  }
  ctx.fillStyle = color('muted');
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = 'center';
  for (const middle of u === timeline.charts[0] ? wide : []) ctx.fillText('no events logged', middle, bbox.top + 16 * devicePixelRatio);
  ctx.restore();
}

/** Where a finding is drawn, in pixels of the canvas. Equal severities are drawn a little apart. */
function place(u, row) {
  const apart = (((row * 7) % 5) - 2) * 0.09;
  const y = u.valToPos(SEVERITY[row] + apart, 'y', true);
  const left = u.valToPos(FIRST[row], 'x', true);
  return { left, right: Math.max(left, u.valToPos(LAST[row], 'x', true)), y };
}

function drawFindings(u) {
  const { ctx, bbox } = u;
  const radius = 4 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineCap = 'round';
  ctx.lineWidth = radius * 2;
  ctx.globalAlpha = 0.8;
  for (let label = LABELS.length - 1; label >= 0; label -= 1) {
    ctx.strokeStyle = color(LABELS[label]);
    ctx.beginPath();
    for (const row of timeline.rows) {
      if (LABEL[row] !== label) continue;
      const { left, right, y } = place(u, row);
      ctx.moveTo(left, y);
      ctx.lineTo(Math.max(right, left + 0.1), y);
    }
    ctx.stroke();
  }
  ctx.restore();
}

/** When there are findings, on top of what was logged. */
function drawTicks(u) {
  const { ctx, bbox } = u;
  const width = 2 * devicePixelRatio;
  for (let label = LABELS.length - 1; label >= 0; label -= 1) {
    ctx.fillStyle = color(LABELS[label]);
    for (const row of timeline.rows) {
      const at = LABEL[row] === label ? u.valToPos(FIRST[row], 'x', true) : -1;
      if (at >= bbox.left && at <= bbox.left + bbox.width) ctx.fillRect(at - width / 2, bbox.top, width, 7 * devicePixelRatio);
    }
  }
}

function axes(isLower) {
  const line = { stroke: () => color('line'), width: 1 };
  const font = '12px system-ui, sans-serif';
  const common = { stroke: () => color('muted'), grid: line, ticks: line, font };
  return [
    { ...common, splits: timeMarks, values: isLower ? timeMarkTexts : (u, marks) => marks.map(() => ''), size: isLower ? 44 : 8 },
    { ...common, size: 56, values: isLower ? (u, marks) => marks.map((mark) => (Number.isInteger(mark) ? grouped(mark) : '')) : undefined, splits: isLower ? undefined : () => [1, 4, 7, 9] },
  ];
}

function chart(id, isLower, series, scale, hooks) {
  const holder = byId(id);
  const options = {
    width: holder.clientWidth || 600,
    height: isLower ? 170 : 190,
    legend: { show: false },
    padding: [8, 12, 0, 0],
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      sync: { key: 'timeline' },
      bind: { dblclick: () => () => { zoomTo(timeline.all); } },
    },
    scales: { x: { time: false, range: () => timeline.view }, y: { range: scale } },
    axes: axes(isLower),
    series: [{}, ...series],
    hooks: { ...hooks, setSelect: [selected] },
  };
  const made = new uPlot(options, eventsData(isLower), holder);
  made.over.addEventListener('mouseleave', () => { byId('tip').hidden = true; });
  return made;
}

function eventsData(isLower) {
  const { hours, events, errors } = timeline.logged;
  if (!isLower) return [timeline.view, [null, null]];
  return hours.length ? [hours.map((hour) => hour * HOUR), events, errors] : [timeline.view, [null, null], [null, null]];
}

/** What was dragged over becomes what is shown. */
function selected(u) {
  const { left, width } = u.select;
  if (width < 3) return;
  const range = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')];
  // Both charts hear of it.
  for (const each of timeline.charts) each.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  zoomTo(range);
}

function bars(name, isThin) {
  const paths = uPlot.paths.bars({ size: [isThin ? 0.5 : 0.9, 60], align: 1 });
  return { paths, stroke: () => color(name), fill: () => color(name), width: 0, points: { show: false } };
}

/** Shows a stretch of time, at least a minute of it. */
function zoomTo([from, to]) {
  const [first, last] = timeline.all;
  const width = Math.min(Math.max(to - from, 60), last - first);
  const start = Math.min(Math.max(from, first), last - width);
  timeline.view = [start, start + width];
  const isWhole = width >= (last - first) * 0.999;
  [asked.from, asked.to] = isWhole ? [null, null] : timeline.view;
  for (const each of timeline.charts) each.setScale('x', { min: timeline.view[0], max: timeline.view[1] });
  refresh();
}

/** Zooms by a factor around the middle, and moves by a part of the width. */
function zoomBy(factor, part) {
  const [from, to] = timeline.view;
  const [middle, half] = [(from + to) / 2 + part * (to - from), ((to - from) * factor) / 2];
  zoomTo([middle - half, middle + half]);
}

/** The finding under the pointer. */
function findingAt(u) {
  const [x, y] = [u.cursor.left, u.cursor.top].map((at, axis) => at * devicePixelRatio + (axis ? u.bbox.top : u.bbox.left));
  let [nearest, least] = [null, 9 * devicePixelRatio];
  for (const row of timeline.rows) {
    const { left, right, y: height } = place(u, row);
    const away = Math.hypot(Math.max(left - x, 0, x - right), height - y);
    if (away < least || (away === least && SEVERITY[row] > SEVERITY[nearest])) [nearest, least] = [row, away];
  }
  return nearest;
}

function showTip(u) {
  if (u !== timeline.charts[0] || u.cursor.left < 0 || u.cursor.event?.type !== 'mousemove') return;
  const row = findingAt(u);
  const tip = byId('tip');
  u.over.classList.toggle('pointing', row !== null);
  tip.hidden = row === null;
  if (row === null) return;
  tip.replaceChildren(badge(row), ` ${text(row, 'title')} `, el('span', 'more', `${text(row, 'principal')} ${interval(FIRST[row], LAST[row])}`));
  const right = u.cursor.left > u.over.clientWidth / 2;
  tip.style.left = right ? 'auto' : `${u.cursor.left + 70}px`;
  tip.style.right = right ? `${u.over.clientWidth - u.cursor.left + 24}px` : 'auto';
  tip.style.top = `${u.cursor.top + 24}px`;
}

/** Stretches with events, where long gaps part them. */
function stretches() {
  const { hours } = DATA.coverage.all;
  if (!hours.length) return [];
  const [from, to] = [hours[0] * HOUR, (hours[hours.length - 1] + 1) * HOUR];
  const parting = gapsOf(DATA.coverage.all).filter(([start, end]) => end - start > Math.max(2 * DAY, (to - from) / 10));
  const edges = [from, ...parting.flat(), to];
  const found = [];
  for (let at = 0; at + 1 < edges.length; at += 2) found.push([edges[at], edges[at + 1]]);
  return found.length > 1 ? found : [];
}

function fillStretches() {
  for (const [from, to] of stretches()) {
    const [first, last] = [parts(from).day, parts(to - 1).day];
    const room = (to - from) * 0.02;
    byId('stretches').append(button('', first === last ? first : `${first} – ${last}`, () => zoomTo([from - room, to + room])));
  }
}

/** Shows the events of one account, or of all. */
function chooseAccount() {
  const chosen = byId('coverage-account').value;
  timeline.logged = chosen === '' ? DATA.coverage.all : DATA.coverage.accounts[Number(chosen)];
  timeline.gaps = gapsOf(timeline.logged);
  const silent = timeline.gaps.reduce((sum, [from, until]) => sum + (until - from) / HOUR, 0);
  byId('gap-words').textContent = silent === 0 ? 'Every hour between the first and the last event has events.' : `${counted(silent, 'hour')} between the first and the last event ${silent === 1 ? 'has' : 'have'} no events (hatched): that is no sign of safety.`;
  timeline.charts[1]?.setData(eventsData(true));
  timeline.charts[0]?.redraw(false);
}

function buildTimeline() {
  timeline.all = timeline.view = wholeSpan();
  chooseAccount();
  DATA.coverage.accounts.forEach((each, at) => byId('coverage-account').append(new Option(each.account || 'unknown', at)));
  const nothing = { paths: () => null, points: { show: false } };
  const upper = chart('timeline-findings', false, [nothing], () => [0.4, 10.4], { drawClear: [drawGaps], draw: [drawFindings], setCursor: [showTip] });
  timeline.charts = [upper];
  const most = (u, min, max) => [0, Math.max(1, (max ?? 1) * 1.1)];
  timeline.charts.push(chart('timeline-events', true, [bars('events'), bars('errors', true)], most, { drawClear: [drawGaps], draw: [drawTicks] }));
  upper.over.addEventListener('click', () => {
    const row = findingAt(upper);
    if (row !== null) openDetails(row);
  });
  fillStretches();
}

/** Draws all again: another width, other colours, other findings. */
function redrawTimeline(width) {
  for (const each of timeline.charts) {
    const wide = width ?? each.root.parentElement.clientWidth;
    if (wide && wide !== each.width) each.setSize({ width: wide, height: each.height });
    else each.redraw(false);
  }
}
