// The table of findings, a page at a time.

const PAGE = 50;
const table = { rows: [], page: 0, sort: null, down: true };

/** What a column is sorted by. */
const SORTED_BY = {
  severity: (row) => SEVERITY[row],
  title: (row) => text(row, 'title'),
  principal: (row) => text(row, 'principal'),
  bucket: (row) => texts(row, 'buckets')[0] ?? '',
  account: (row) => text(row, 'account'),
  events: (row) => value(row, 'event_count'),
  first: (row) => FIRST[row],
};

function sorted(rows) {
  if (!table.sort) return rows;
  const of = SORTED_BY[table.sort];
  const keys = new Map(rows.map((row) => [row, of(row)]));
  const turn = table.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    return x === y ? a - b : (x < y ? -turn : turn);
  });
}

function some(values, most) {
  const shown = values.slice(0, most).map((each) => el('span', 'mono', each));
  if (values.length > most) shown.push(el('span', 'more', `and ${values.length - most} more`));
  return shown;
}

/** A name that is broken, if it must be, behind its slashes and colons. */
function breakable(name) {
  return name.split(/(?<=[:/])/).flatMap((piece) => [el('wbr'), piece]);
}

function cell(label, classes, ...children) {
  const made = el('td', classes, ...children);
  made.dataset.label = label;
  return made;
}

function line(row) {
  const marks = [];
  if (value(row, 'suppressed')) marks.push(el('span', 'mark', 'suppressed'));
  if (text(row, 'status') === 'withdrawn') marks.push(el('span', 'mark', 'withdrawn'));
  const made = el(
    'tr', HIDDEN[row] ? 'faded' : '',
    cell('Severity', '', badge(row)),
    cell('Finding', 'title', el('span', '', text(row, 'title')), ...marks, el('span', 'type', text(row, 'finding_type'))),
    cell('Principal', 'mono', ...(text(row, 'principal') ? breakable(text(row, 'principal')) : [el('span', 'more', 'unknown, or several')])),
    cell('Bucket', '', ...some(texts(row, 'buckets'), 2)),
    cell('Account', 'mono', text(row, 'account')),
    cell('Events', 'n', grouped(value(row, 'event_count'))),
    cell('First event', 't', timeText(FIRST[row])),
  );
  made.tabIndex = 0;
  made.dataset.row = row;
  made.setAttribute('aria-haspopup', 'dialog');
  return made;
}

function renderTable() {
  const body = document.querySelector('#table tbody');
  const pages = Math.max(1, Math.ceil(table.rows.length / PAGE));
  table.page = Math.min(table.page, pages - 1);
  const start = table.page * PAGE;
  body.replaceChildren(...table.rows.slice(start, start + PAGE).map(line));
  if (table.rows.length === 0) {
    const empty = el('td', 'more', ROWS.length ? 'No finding is like this.' : 'There are no findings.');
    empty.colSpan = 7;
    body.append(el('tr', '', empty));
  }
  byId('page-number').textContent = `page ${grouped(table.page + 1)} of ${grouped(pages)}`;
  byId('page-back').disabled = table.page === 0;
  byId('page-on').disabled = table.page + 1 >= pages;
  document.querySelector('.pager').hidden = pages === 1;
  for (const head of document.querySelectorAll('#table th')) {
    const order = table.down ? 'descending' : 'ascending';
    head.setAttribute('aria-sort', head.dataset.sort === table.sort ? order : 'none');
  }
}

function turnPage(by) {
  table.page = Math.max(0, table.page + by);
  renderTable();
  byId('findings').scrollIntoView();
}

function sortBy(name) {
  const startsDown = ['severity', 'events', 'first'].includes(name);
  table.down = table.sort === name ? !table.down : startsDown;
  table.sort = name;
  table.page = 0;
  table.rows = sorted(table.rows);
  renderTable();
}

function buildTable() {
  for (const head of document.querySelectorAll('#table th')) {
    const label = head.textContent;
    head.replaceChildren(button('sort', label, () => sortBy(head.dataset.sort)));
  }
  const body = document.querySelector('#table tbody');
  body.addEventListener('click', (event) => {
    const row = event.target.closest('tr')?.dataset.row;
    if (row !== undefined && String(getSelection()) === '') openDetails(Number(row));
  });
  body.addEventListener('keydown', (event) => {
    const at = event.target.closest('tr');
    if (event.key === 'Enter' && at?.dataset.row) openDetails(Number(at.dataset.row));
    const next = { ArrowDown: at?.nextElementSibling, ArrowUp: at?.previousElementSibling }[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
  byId('page-back').addEventListener('click', () => turnPage(-1));
  byId('page-on').addEventListener('click', () => turnPage(1));
}
