//! The drawing itself, by kuva.
use super::ticks::{label, number};
use super::{Chart, Interval, Point, Series, Shape, Unit};
use kuva::plot::legend::LegendPosition;
use kuva::plot::waterfall::WaterfallBar;
use kuva::plot::waterfall::WaterfallKind::Difference;
use kuva::plot::{BandPlot, BarPlot, ColorMap, FunnelPlot, Heatmap, LinePlot, ScatterPlot, WaterfallPlot};
use kuva::render::annotations::TextAnnotation;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::theme::Theme;
use std::sync::Arc;

/// Told apart also by readers who see fewer colours (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#999999", "#F0E442"];
const GOOD: &str = "#009E73";
const BAD: &str = "#D55E00";
const EMPTY: &str = "#f2f2f2";

/// Units of the drawing.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 500.0;
/// Characters of a category's name, of a series' name, and of the title.
const CATEGORY: usize = 30;
const NAME: usize = 40;
const TITLE: usize = 90;
/// Names beside the points of a scatter chart: of the outermost ones.
const NAMED: usize = 8;
/// Cells of a heat map that carry their figure.
const FIGURES: usize = 120;

/// The chart as SVG, 900 × 500. Names a font, brings none.
pub fn svg(chart: &Chart) -> String {
    let (plots, layout) = match &chart.shape {
        Shape::Line { x, series, interval } => line(chart, x, series, interval.as_ref()),
        Shape::Bar { x, series, interval } => bars(chart, x, series, interval.as_ref(), false),
        Shape::Stacked { x, series } => bars(chart, x, series, None, true),
        Shape::Funnel { steps } => funnel(chart, steps),
        Shape::Heatmap { rows, columns, values } => heatmap(chart, rows, columns, values),
        Shape::Scatter { points, x_unit } => scatter(chart, points, x_unit),
        Shape::Waterfall { start, deltas, ends } => waterfall(chart, *start, deltas, *ends),
    };
    kuva::render_to_svg(plots, layout)
}

/// What all charts share.
fn layout(chart: &Chart, plots: &[Plot]) -> Layout {
    let theme = Theme {
        font_family: Some("DejaVu Sans".to_owned()),
        axis_color: "#666666".into(),
        tick_color: "#666666".into(),
        grid_color: "#e5e5e5".into(),
        text_color: "#222222".into(),
        legend_border: "#ffffff".into(),
        ..Theme::light()
    };
    Layout::auto_from_plots(plots)
        .with_width(WIDTH)
        .with_height(HEIGHT)
        .with_theme(theme)
        .with_title(label(&chart.title, TITLE))
        .with_title_size(17)
        .with_legend_position(LegendPosition::OutsideRightTop)
        .with_legend_box(false)
}

fn ticks(unit: &Unit) -> TickFormat {
    let unit = unit.clone();
    TickFormat::Custom(Arc::new(move |value| number(value, &unit)))
}

/// Numbers that can be drawn.
fn real(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite() && v.abs() < 1e15)
}

fn colour(n: usize) -> &'static str {
    COLOURS[n % COLOURS.len()]
}

fn categories(x: &[String]) -> Vec<String> {
    x.iter().map(|name| label(name, CATEGORY)).collect()
}

type Drawing = (Vec<Plot>, Layout);

/// A gap in the values is a gap in the line: each run of values is a line of its own, and a lone value a dot.
fn line(chart: &Chart, x: &[String], series: &[Series], interval: Option<&Interval>) -> Drawing {
    let mut plots = Vec::new();
    if let Some(interval) = interval {
        for run in runs(interval.iter().map(|pair| pair.filter(|(lo, hi)| lo.is_finite() && hi.is_finite())))
        {
            let (at, bounds): (Vec<f64>, Vec<(f64, f64)>) = run.into_iter().unzip();
            let (low, high): (Vec<f64>, Vec<f64>) = bounds.into_iter().unzip();
            plots.push(BandPlot::new(at, low, high).with_color(colour(0)).with_opacity(0.15).into());
        }
    }
    for (n, one) in series.iter().enumerate() {
        let mut name = (series.len() > 1).then(|| label(&one.name, NAME));
        for run in runs(one.values.iter().map(|value| real(*value))) {
            if let [(at, value)] = run[..] {
                plots.push(
                    ScatterPlot::new().with_data([(at, value)]).with_color(colour(n)).with_size(4.0).into(),
                );
            }
            let mut plot = LinePlot::new().with_data(run).with_color(colour(n)).with_stroke_width(2.5);
            if let Some(name) = name.take() {
                plot = plot.with_legend(name);
            }
            plots.push(plot.into());
        }
    }
    // As many names below the axis as fit; the positions between them have none.
    let every = x.len().div_ceil(12).max(1);
    let names = categories(x);
    let below = move |at: f64| {
        let index = at.round();
        let known = (at - index).abs() < 0.01 && index >= 1.0 && (index as usize - 1).is_multiple_of(every);
        if known { names.get(index as usize - 1).cloned().unwrap_or_default() } else { String::new() }
    };
    let layout = layout(chart, &plots)
        .with_x_axis_min(1.0)
        .with_x_axis_max(x.len().max(2) as f64)
        .with_x_tick_step(every as f64)
        .with_x_tick_format(TickFormat::Custom(Arc::new(below)))
        .with_y_tick_format(ticks(&chart.unit))
        .with_y_label(label(&chart.y_label, NAME));
    (plots, layout)
}

/// Stretches without a gap, with positions from 1.
fn runs<T>(values: impl Iterator<Item = Option<T>>) -> Vec<Vec<(f64, T)>> {
    let mut runs = vec![Vec::new()];
    for (n, value) in values.enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push(((n + 1) as f64, value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Lying bars, so that the names of campaigns can be read; periods that are stacked stand.
fn bars(
    chart: &Chart,
    x: &[String],
    series: &[Series],
    interval: Option<&Interval>,
    stacked: bool,
) -> Drawing {
    let names = categories(x);
    let mut plot = BarPlot::new().with_horizontal(true).with_width(0.75);
    // The first category on top: lying bars are drawn from below.
    for (at, name) in names.iter().enumerate().rev() {
        let group: Vec<(f64, &str)> = series
            .iter()
            .enumerate()
            .map(|(n, one)| (one.values.get(at).copied().and_then(real).unwrap_or(0.0), colour(n)))
            .collect();
        plot = plot.with_group(name.clone(), group);
    }
    if stacked {
        plot = plot.with_stacked();
    }
    if series.len() > 1 {
        let legend: Vec<String> = series.iter().map(|one| label(&one.name, NAME)).collect();
        plot = plot.with_legend(legend.iter().map(String::as_str).collect());
    }
    if let Some(interval) = interval.filter(|_| series.len() == 1 && !stacked) {
        let around = |at: usize| {
            let value = real(*series.first()?.values.get(at)?)?;
            let (low, high) = interval.get(at).copied().flatten()?;
            Some(((value - low).max(0.0), (high - value).max(0.0)))
                .filter(|(a, b)| a.is_finite() && b.is_finite())
        };
        let errors = (0..x.len()).rev().map(|at| around(at).unwrap_or((0.0, 0.0)));
        plot = plot.with_asymmetric_error(errors.collect::<Vec<_>>());
    }
    let plots = vec![plot.into()];
    let layout = layout(chart, &plots)
        .with_x_tick_format(ticks(&chart.unit))
        .with_x_label(label(&chart.y_label, NAME));
    (plots, layout)
}

fn funnel(chart: &Chart, steps: &[(String, f64)]) -> Drawing {
    let stages =
        steps.iter().map(|(name, count)| (label(name, CATEGORY), real(Some(*count)).unwrap_or(0.0).max(0.0)));
    let mut plot = FunnelPlot::new().with_show_conversion(true);
    for (name, count) in stages {
        plot = plot.with_stage_color(name, count, colour(0));
    }
    let plots = vec![plot.into()];
    let layout = layout(chart, &plots);
    (plots, layout)
}

fn heatmap(chart: &Chart, rows: &[String], columns: &[String], values: &[Vec<Option<f64>>]) -> Drawing {
    // The first row on top: the plot counts from below.
    let cell =
        |row: usize, column: usize| values.get(row).and_then(|row| row.get(column)).copied().and_then(real);
    let from_below: Vec<usize> = (0..rows.len()).rev().collect();
    let data: Vec<Vec<f64>> = from_below
        .iter()
        .map(|row| (0..columns.len()).map(|column| cell(*row, column).unwrap_or(f64::NAN)).collect())
        .collect();
    let plot = Heatmap::new().with_data(data).with_color_map(ColorMap::Custom(Arc::new(shade)));
    let plots = vec![plot.into()];
    let mut layout = layout(chart, &plots)
        .with_x_categories(columns.iter().map(|name| label(name, 14)).collect())
        .with_y_categories(
            from_below.iter().filter_map(|row| rows.get(*row)).map(|name| label(name, CATEGORY)).collect(),
        )
        .with_colorbar_tick_format(ticks(&chart.unit));
    if rows.len() * columns.len() <= FIGURES {
        for (height, row) in from_below.iter().enumerate() {
            for column in 0..columns.len() {
                let Some(value) = cell(*row, column) else { continue };
                let text = number(value, &chart.unit).replace('$', "\\$");
                let (x, y) = ((column + 1) as f64, (height + 1) as f64);
                layout = layout.with_annotation(TextAnnotation::new(text, x, y).with_font_size(11));
            }
        }
    }
    (plots, layout)
}

/// White to blue, light enough to read dark figures on; no value is grey.
fn shade(share: f64) -> String {
    if !share.is_finite() {
        return EMPTY.to_owned();
    }
    let share = share.clamp(0.0, 1.0);
    let mix = |from: f64, to: f64| (from + (to - from) * share).round() as u8;
    format!("rgb({},{},{})", mix(247.0, 86.0), mix(251.0, 160.0), mix(255.0, 211.0))
}

fn scatter(chart: &Chart, points: &[Point], x_unit: &Unit) -> Drawing {
    let points: Vec<&Point> =
        points.iter().filter(|p| real(Some(p.x)).is_some() && real(Some(p.y)).is_some()).collect();
    let sizes = points
        .iter()
        .map(|p| p.size.filter(|s| s.is_finite()).map_or(5.0, |s| 4.0 + 10.0 * s.clamp(0.0, 1.0)));
    let sizes: Vec<f64> = sizes.collect();
    let mut outermost: Vec<usize> = (0..points.len()).collect();
    outermost.sort_by(|a, b| points[*b].y.total_cmp(&points[*a].y));
    outermost.truncate(NAMED);
    let names = (0..points.len())
        .map(|n| if outermost.contains(&n) { label(&points[n].label, 24) } else { String::new() });
    let names: Vec<String> = names.collect();
    let plot = ScatterPlot::new()
        .with_data(points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>())
        .with_sizes(sizes)
        .with_color(colour(0))
        .with_marker_opacity(0.6)
        .with_labels(names)
        .with_repel_labels();
    let plots = vec![plot.into()];
    let layout = layout(chart, &plots)
        .with_x_tick_format(ticks(x_unit))
        .with_y_tick_format(ticks(&chart.unit))
        .with_x_label(label(&chart.x_label, NAME))
        .with_y_label(label(&chart.y_label, NAME));
    (plots, layout)
}

/// Two layers of bars that stand where they must: amounts in green and red, totals in blue.
fn waterfall(chart: &Chart, start: Option<f64>, deltas: &[(String, f64)], ends: bool) -> Drawing {
    let amounts = WaterfallPlot::new().with_color_positive(GOOD).with_color_negative(BAD);
    let totals = WaterfallPlot::new().with_color_positive(colour(0)).with_color_negative(colour(0));
    let (mut amounts, mut totals, mut names) = (amounts, totals, Vec::new());
    let mut bar = |name: String, from: f64, to: f64, total: bool| {
        // A bar without height is not drawn.
        let drawn = |mine: bool| if mine { (from, to) } else { (to, to) };
        let ((a, b), (c, d)) = (drawn(!total), drawn(total));
        amounts.bars.push(WaterfallBar {
            label: name.clone(),
            value: 0.0,
            kind: Difference { from: a, to: b },
        });
        totals.bars.push(WaterfallBar {
            label: name.clone(),
            value: 0.0,
            kind: Difference { from: c, to: d },
        });
        names.push(name);
    };
    let mut level = real(start).unwrap_or(0.0);
    if real(start).is_some() {
        bar("Before".to_owned(), 0.0, level, true);
    }
    for (name, delta) in deltas {
        let next = level + real(Some(*delta)).unwrap_or(0.0);
        bar(label(name, 18), level, next, false);
        level = next;
    }
    if ends {
        bar("Now".to_owned(), 0.0, level, true);
    }
    let plots = vec![amounts.into(), totals.into()];
    let layout = layout(chart, &plots)
        .with_x_categories(names)
        .with_y_tick_format(ticks(&chart.unit))
        .with_y_label(label(&chart.y_label, NAME))
        .with_x_tick_rotate(if deltas.len() > 6 { -35.0 } else { 0.0 });
    (plots, layout)
}
