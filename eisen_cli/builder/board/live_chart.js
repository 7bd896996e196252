import { echarts } from "nicegui-echart";

// A chart that keeps its points in the browser: the server sends new points only; smoothing, scale, colours and the
// switching of lines happen here.
const COLOURS = ["--e-c1", "--e-c2", "--e-c3", "--e-c4", "--e-c5", "--e-c6", "--e-c7", "--e-c8"];

function smoothed(points, weight) {
  // exponential moving average without the bias of its beginning
  let sum = 0, norm = 0;
  return points.map(([x, y]) => {
    sum = weight * sum + (1 - weight) * y;
    norm = weight * norm + (1 - weight);
    return [x, sum / norm];
  });
}

function text(value, unit) {
  if (value == null) return "–";
  if (unit === "bytes") return value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(2)} GiB` : `${(value / 2 ** 20).toFixed(0)} MiB`;
  const size = Math.abs(value);
  const shown = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(+value.toPrecision(4));
  return unit ? `${shown} ${unit}` : shown;
}

function escaped(value) {
  const box = document.createElement("span");
  box.textContent = value;
  return box.innerHTML;
}

export default {
  template: `<div role="img" style="width:100%;height:100%"></div>`,
  props: { lines: Array, kind: String, unit: String, across: String, weight: Number, log: Boolean, words: String },
  async mounted() {
    this.all = new Map((this.lines || []).map((line) => [line.id, line]));
    this.smooth = this.weight || 0;
    this.scale = this.log;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.start();
    this.sizes = new ResizeObserver(() => {
      if (!this.chart) this.start();
      else if (this.$el.offsetWidth) this.chart.resize();
    });
    this.sizes.observe(this.$el);
    this.themes = new MutationObserver(() => this.draw());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  },
  beforeUnmount() {
    this.sizes?.disconnect();
    this.themes?.disconnect();
    this.chart?.dispose();
  },
  methods: {
    start() {
      if (!this.$el.offsetWidth) return; // in a tab that is not shown
      this.chart = echarts.init(this.$el, null, { renderer: "canvas" });
      this.draw();
    },
    // every call may bring lines that are new, points to add to others, and ids of lines that are gone
    feed(changes) {
      for (const id of changes.gone || []) this.all.delete(id);
      for (const line of changes.lines || []) this.all.set(line.id, line);
      for (const [id, points] of Object.entries(changes.points || {})) this.all.get(id)?.points.push(...points);
      this.draw(Boolean((changes.gone || []).length));
    },
    set_weight(weight) { this.smooth = weight; this.draw(); },
    set_log(log) { this.scale = log; this.draw(); },
    draw(anew) {
      const lines = [...this.all.values()];
      this.$el.dataset.points = lines.reduce((sum, line) => sum + line.points.length, 0);
      this.$el.setAttribute("aria-label", `${this.words || "chart"}: ${lines.map((line) => line.name).join(", ")}`);
      if (!this.chart) return;
      const before = this.chart.getOption();
      const option = this.option(lines);
      const is_new = anew || !before || (before.series || []).length !== option.series.length;
      if (is_new && before?.legend?.[0]?.selected) option.legend.selected = before.legend[0].selected;
      this.chart.setOption(option, { notMerge: is_new, lazyUpdate: false });
    },
    option(lines) {
      const style = getComputedStyle(document.body);
      const of = (name) => style.getPropertyValue(name).trim();
      const font = { fontFamily: style.fontFamily, fontSize: 12, color: of("--e-quiet") };
      const is_bar = this.kind === "bar";
      const colour = (line) => of(COLOURS[line.colour % COLOURS.length]);
      const axis = { axisLabel: font, axisLine: { lineStyle: { color: of("--e-line") } }, axisTick: { show: false }, nameTextStyle: font };
      return {
        animation: false,
        textStyle: font,
        grid: { left: 8, right: 14, top: lines.length > 1 ? 40 : 14, bottom: 26, containLabel: true, outerBoundsMode: "same" },
        legend: {
          show: lines.length > 1, type: "scroll", top: 0, left: 0, right: 0, itemWidth: 22, itemHeight: is_bar ? 10 : 8, itemGap: 14,
          textStyle: { ...font, color: of("--e-text") }, inactiveColor: of("--e-line"), pageTextStyle: font,
          pageIconColor: of("--e-accent"), pageIconInactiveColor: of("--e-line"), data: lines.map((line) => line.name),
        },
        tooltip: {
          trigger: "axis", confine: true, transitionDuration: 0, order: "seriesAsc",
          backgroundColor: of("--e-raised"), borderColor: of("--e-line"), textStyle: { ...font, color: of("--e-text") },
          axisPointer: { type: is_bar ? "shadow" : "line", lineStyle: { color: of("--e-quiet"), type: "solid" }, shadowStyle: { color: of("--e-line"), opacity: 0.35 } },
          formatter: (items) => {
            const shown = items.filter((item) => !String(item.seriesId).endsWith("~raw") && item.value?.[1] != null);
            const rows = shown.map((item) => `<div style="display:flex;gap:16px;justify-content:space-between"><span>${item.marker}${escaped(item.seriesName)}</span><b style="font-variant-numeric:tabular-nums">${escaped(text(item.value[1], this.unit))}</b></div>`);
            return `<div style="margin-bottom:2px;color:${of("--e-quiet")}">${escaped(this.across || "")} ${items[0]?.value?.[0] ?? ""}</div>${rows.join("")}`;
          },
        },
        xAxis: { ...axis, type: is_bar ? "category" : "value", name: this.across, nameLocation: "middle", nameGap: 24, min: is_bar ? null : "dataMin", max: is_bar ? null : "dataMax", minInterval: 1, splitLine: { show: false } },
        yAxis: {
          ...axis, type: this.scale ? "log" : "value", scale: !is_bar && !this.scale, axisLine: { show: false },
          axisLabel: { ...font, formatter: (value) => text(value, this.unit) }, splitLine: { lineStyle: { color: of("--e-line"), opacity: 0.6 } },
        },
        series: is_bar ? lines.map((line) => this.bar(line, colour(line))) : lines.flatMap((line) => this.line(line, colour(line))),
      };
    },
    bar(line, colour) {
      return {
        id: line.id, name: line.name, type: "bar", stack: "all", barMaxWidth: 42, barCategoryGap: "18%",
        itemStyle: { color: colour }, data: line.points.map(([x, y]) => [String(x), y]),
      };
    },
    line(line, colour) {
      const points = this.scale ? line.points.filter((point) => point[1] > 0) : line.points;
      const few = points.length <= 40;
      const look = {
        type: "line", showSymbol: few, symbolSize: line.dashed ? 4 : 5, symbol: "circle", sampling: "lttb", connectNulls: true,
        itemStyle: { color: colour }, emphasis: { disabled: true },
      };
      const dash = line.dashed ? [5, 4] : "solid";
      const shown = { ...look, id: line.id, name: line.name, data: points, lineStyle: { color: colour, width: line.dashed ? 1.6 : 2.2, type: dash } };
      if (!this.smooth || points.length < 3) {
        return this.smooth ? [shown, { ...look, id: `${line.id}~raw`, name: line.name, data: [], silent: true }] : [shown];
      }
      shown.data = smoothed(points, this.smooth);
      shown.showSymbol = false;
      const raw = { ...look, id: `${line.id}~raw`, name: line.name, data: points, showSymbol: false, silent: true, lineStyle: { color: colour, width: 1, opacity: 0.28 } };
      return [shown, raw];
    },
  },
};
