// Splits one canvas into equal cells, as tall figures like it, for one to four samples.

/** Columns and rows for `count` upright figures in a `width` x `height` area. */
export function arrange(count, width, height) {
  let best = { columns: 1, rows: Math.max(1, count), score: -1 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const score = Math.min(width / columns / 0.8, height / rows) - (columns * rows - count) * 8;
    if (score > best.score) best = { columns, rows, score };
  }
  return { columns: best.columns, rows: best.rows };
}

/** Cells as fractions {x, y, width, height} with y down from the top. */
export function cells(count, width, height) {
  const { columns, rows } = arrange(count, width, height);
  return Array.from({ length: count }, (_, i) => ({
    x: (i % columns) / columns, y: Math.floor(i / columns) / rows,
    width: 1 / columns, height: 1 / rows,
  }));
}
