use super::super::text::tests::HOSTILE;
use super::*;
use crate::report::chart::Unit;

fn series(name: &str, values: &[f64]) -> Series {
    Series { name: name.into(), values: values.iter().copied().map(Some).collect() }
}

fn chart(shape: Shape) -> Chart {
    Chart {
        title: format!("Spend of {HOSTILE}"),
        x_label: "Campaign".into(),
        y_label: "CTR".into(),
        unit: Unit::Fraction,
        shape,
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn bars_with_names_of_the_data() {
    let x = names(&["<!here> *a*", "Sale"]);
    let block =
        chart_block(&chart(Shape::Bar { x, series: vec![series("Now", &[0.0379, 0.5])], interval: None }));
    insta::assert_json_snapshot!(block.unwrap());
}

#[test]
fn what_slack_cannot_show_truly_is_left_to_a_picture() {
    let bar = |x: Vec<String>, series| chart_block(&chart(Shape::Bar { x, series, interval: None }));
    let long = "A campaign with quite a long name, ";
    assert!(bar(names(&["a", "b"]), vec![series("n", &[1.0, 2.0])]).is_some());
    assert!(
        bar(names(&[&format!("{long} one"), &format!("{long} two")]), vec![series("n", &[1.0, 2.0])])
            .is_none()
    );
    assert!(bar((0..21).map(|n| n.to_string()).collect(), vec![series("n", &[1.0; 21])]).is_none());
    assert!(bar(names(&["a"]), (0..7).map(|n| series(&n.to_string(), &[1.0])).collect()).is_none());
    let gap = Series { name: "n".into(), values: vec![Some(1.0), None] };
    assert!(bar(names(&["a", "b"]), vec![gap]).is_none());
    let bounds = Shape::Line {
        x: names(&["a"]),
        series: vec![series("n", &[1.0])],
        interval: Some(vec![Some((0.5, 2.0))]),
    };
    assert!(chart_block(&chart(bounds)).is_none());
    assert!(chart_block(&chart(Shape::Funnel { steps: vec![("a".into(), 1.0)] })).is_none());
}

#[test]
fn shares_of_a_whole_are_a_pie_as_long_as_they_are_few_and_positive() {
    let kind = |values: &[f64]| {
        let x = (0..values.len()).map(|n| format!("c{n}")).collect();
        chart_block(&chart(Shape::Stacked { x, series: vec![series("n", values)] })).unwrap()["chart"]["type"]
            .clone()
    };
    assert_eq!(kind(&[1.0; 6]), "pie");
    assert_eq!(kind(&[1.0; 7]), "bar");
    assert_eq!(kind(&[1.0, 0.0]), "bar");
}
