use super::ticks::{label, number};
use super::*;
use proptest::prelude::*;

fn chart(shape: Shape) -> Chart {
    Chart {
        title: "Spend by <campaign> & $x_1$ $y$".into(),
        x_label: "Campaign".into(),
        y_label: "Spend".into(),
        unit: Unit::Money("CHF ".into()),
        shape,
    }
}

fn series(name: &str, values: &[Option<f64>]) -> Series {
    Series { name: name.into(), values: values.to_vec() }
}

fn names(n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("Campaign {i}")).collect()
}

/// One chart of each kind.
fn all() -> Vec<(&'static str, Chart)> {
    let some = |n: usize, f: f64| (0..n).map(|i| Some(100.0 + f * i as f64)).collect::<Vec<_>>();
    let days: Vec<String> = (1..=30).map(|d| format!("2025-09-{d:02}")).collect();
    let mut gap = some(30, 12.0);
    gap[10] = None;
    let bounds = gap.iter().map(|v| v.map(|v| (v * 0.9, v * 1.1))).collect();
    let point =
        |i: usize| Point { x: i as f64, y: (i * i) as f64, label: format!("Point {i}"), size: Some(0.5) };
    let two = vec![series("Now", &some(8, 30.0)), series("Before", &some(8, -5.0))];
    let (rows, columns) =
        (["Mon", "Tue", "Wed"].map(String::from), ["9", "10", "11", "12"].map(String::from));
    let cells = vec![vec![Some(1.0), Some(2.0), None, Some(4.0)]; 3];
    let steps = [("Visit", 1000.0), ("Cart", 240.0), ("Order", 60.0)].map(|(n, c)| (n.to_owned(), c));
    let deltas =
        [("Volume", -272.0), ("Mix", 510.0), ("Rate", 462.0)].map(|(n, d)| (n.to_owned(), d)).to_vec();
    let stacked = vec![series("New", &some(6, 3.0)), series("Returning", &some(6, 9.0))];
    vec![
        ("line", chart(Shape::Line { x: days, series: vec![series("Cost", &gap)], interval: Some(bounds) })),
        ("bar", chart(Shape::Bar { x: names(8), series: two, interval: None })),
        ("stacked", chart(Shape::Stacked { x: names(6), series: stacked })),
        ("funnel", chart(Shape::Funnel { steps: steps.to_vec() })),
        ("heatmap", chart(Shape::Heatmap { rows: rows.to_vec(), columns: columns.to_vec(), values: cells })),
        ("scatter", chart(Shape::Scatter { points: (1..20).map(point).collect(), x_unit: Unit::Fraction })),
        ("waterfall", chart(Shape::Waterfall { start: Some(19_740.0), deltas, ends: true })),
    ]
}

#[test]
fn every_kind_is_drawn_with_its_title_as_text() {
    for (kind, chart) in all() {
        let svg = svg(&chart);
        assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{kind}: {}", &svg[..80]);
        assert!(
            svg.contains("Spend by &lt;campaign&gt; &amp; $x_1$ $y$"),
            "{kind}: the title is a formula or markup"
        );
        assert!(!svg.contains("NaN") && !svg.contains("<script"), "{kind}");
    }
}

#[test]
fn pixels_come_with_letters_of_our_own() {
    for (kind, chart) in all() {
        let bytes = png(&chart).unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{kind}");
        let width = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
        assert!(width >= 1800 && bytes.len() > 8_000, "{kind}: {width} wide, {} bytes", bytes.len());
    }
    let blank = Chart { title: String::new(), ..all().remove(1).1 };
    assert_ne!(png(&blank).unwrap(), png(&all()[1].1).unwrap(), "the title is not drawn");
}

#[test]
fn nothing_is_no_chart() {
    let empty = chart(Shape::Bar { x: names(2), series: vec![series("a", &[None, None])], interval: None });
    assert!(matches!(png(&empty), Err(ChartError::Empty)));
}

#[test]
fn numbers_on_axes_are_short_and_carry_their_unit() {
    let money = Unit::Money("$".into());
    assert_eq!(number(1200.0, &money), "$1,200");
    assert_eq!(number(-34_567.0, &money), "-$34.57k");
    assert_eq!(number(2_500_000.0, &Unit::Number), "2.5m");
    assert_eq!(number(0.0379, &Unit::Fraction), "3.79%");
    assert_eq!(number(1.27, &Unit::Times), "1.27x");
    assert_eq!(label("a\nb $c$ and so on", 9), "a b \\$c\\$…");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever the data is, the drawing ends, and holds its names as text.
    #[test]
    fn no_data_breaks_the_drawing(
        values in prop::collection::vec(prop::option::of(prop_oneof![
            Just(f64::NAN), Just(f64::INFINITY), Just(0.0), -1e18f64..1e18, -5.0f64..5.0
        ]), 1..12),
        name in "[<>&\"'$\\\\^_{}a-z\u{202e}\n]{0,40}",
    ) {
        let x: Vec<String> = values.iter().enumerate().map(|(n, _)| format!("{n}{name}")).collect();
        let one = || vec![series(&name, &values), series("b", &values)];
        let flat: Vec<(String, f64)> = x.iter().cloned().zip(values.iter().map(|v| v.unwrap_or(0.0))).collect();
        let points = flat.iter().map(|(l, v)| Point { x: *v, y: *v, label: l.clone(), size: None }).collect();
        for shape in [
            Shape::Line { x: x.clone(), series: one(), interval: None },
            Shape::Bar { x: x.clone(), series: one(), interval: None },
            Shape::Stacked { x: x.clone(), series: one() },
            Shape::Funnel { steps: flat.clone() },
            Shape::Heatmap { rows: vec![name.clone()], columns: x.clone(), values: vec![values.clone()] },
            Shape::Scatter { points, x_unit: Unit::Number },
            Shape::Waterfall { start: Some(1.0), deltas: flat.clone(), ends: true },
        ] {
            let text = svg(&Chart { title: name.clone(), ..chart(shape) });
            let tree = resvg::usvg::Tree::from_str(&text, &resvg::usvg::Options::default());
            prop_assert!(tree.is_ok(), "{:?}", tree.err());
        }
    }
}
