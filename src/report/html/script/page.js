// Puts the parts together.

/** Shows what is asked for, after the form or the time shown has changed. */
function refresh() {
  const rows = matching();
  timeline.rows = rows;
  table.rows = sorted(rows);
  table.page = 0;
  renderTable();
  const seen = asked.hidden ? ROWS.length : ROWS.length - HIDDEN.reduce((sum, each) => sum + each, 0);
  byId('count').textContent = rows.length === seen ? counted(seen, 'finding') : `${grouped(rows.length)} of ${counted(seen, 'finding')}`;
  const isZoomed = asked.from !== null;
  byId('unzoom').hidden = !isZoomed;
  if (isZoomed) byId('unzoom').textContent = `only ${interval(Math.floor(asked.from), Math.ceil(asked.to))}: show all times`;
  redrawTimeline();
}

function buildForm() {
  fillForm();
  const form = byId('filter');
  const changed = () => {
    readForm();
    refresh();
  };
  form.addEventListener('input', changed);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => {
    setTimeout(() => {
      readForm();
      zoomTo(timeline.all);
    });
  });
  for (const each of document.querySelectorAll('button.actor')) {
    each.addEventListener('click', () => {
      byId('f-principal').value = each.dataset.principal;
      changed();
      byId('findings').scrollIntoView();
    });
  }
}

function buildControls() {
  const click = (id, action) => byId(id).addEventListener('click', action);
  click('zoom-in', () => zoomBy(0.5, 0));
  click('zoom-out', () => zoomBy(2, 0));
  click('earlier', () => zoomBy(1, -0.5));
  click('later', () => zoomBy(1, 0.5));
  click('zoom-all', () => zoomTo(timeline.all));
  click('unzoom', () => zoomTo(timeline.all));
  byId('coverage-account').addEventListener('change', chooseAccount);
}

function buildDialog() {
  const dialog = byId('details');
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  // The event comes later than the closing: another finding may be open by then.
  dialog.addEventListener('close', () => {
    if (!dialog.open) history.replaceState(null, '', '#findings');
  });
}

/** A finding that the address names. */
function openNamed() {
  const id = location.hash.match(/^#finding=([0-9a-f]+)$/)?.[1];
  const row = id === undefined ? undefined : ROW_OF_ID.get(TEXTS.indexOf(id));
  if (row !== undefined) openDetails(row);
}

/** On paper the colours are light and the charts narrow, and findings stand in full. */
function buildPaper() {
  addEventListener('beforeprint', () => {
    document.documentElement.classList.add('paper');
    fillPaper();
    redrawTimeline(680);
  });
  addEventListener('afterprint', () => {
    document.documentElement.classList.remove('paper');
    byId('printed').replaceChildren();
    redrawTimeline();
  });
}

document.documentElement.classList.add('scripts');
buildTimeline();
buildTable();
buildForm();
buildControls();
buildDialog();
buildPaper();
readForm();
refresh();
openNamed();
addEventListener('hashchange', openNamed);
addEventListener('resize', () => redrawTimeline());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => redrawTimeline());
