use super::*;
use jiff::civil::date;

fn january() -> Vec<OrderDays> {
    let of = |days: &[(i8, i8)]| days.iter().map(|(month, day)| date(2025, *month, *day)).collect();
    vec![
        of(&[(1, 5), (2, 10), (3, 2), (4, 20)]),
        of(&[(1, 9), (3, 15)]),
        of(&[(1, 11)]),
        of(&[(1, 20), (1, 28)]),
        of(&[(1, 22), (2, 3)]),
        of(&[(1, 25), (2, 27), (4, 2)]),
        of(&[(1, 29), (4, 30)]),
        of(&[(1, 31), (2, 1)]),
    ]
}

const TODAY: Date = date(2025, 5, 15);

#[test]
fn calendar_months_rise_and_fall() {
    let month = |k| returned_in_month(&january(), k, TODAY).unwrap().did;
    assert_eq!([month(0), month(1), month(2), month(3)], [8, 4, 2, 3]);
    assert_eq!(returned_in_month(&january(), 4, TODAY), None, "May is not over");
}

#[test]
fn personal_windows() {
    let within = |from, to| returned_within(&january(), (from, to), TODAY);
    assert_eq!(within(1, 30), Share { did: 3, of: 8 });
    assert_eq!(within(31, 60), Share { did: 2, of: 8 });
    assert_eq!(within(61, 90), Share { did: 2, of: 8 });
    assert_eq!(within(1, 90).rate(), Some(0.75));
    let young = returned_within(&january(), (1, 90), date(2025, 4, 9));
    assert_eq!(young.of, 2, "only those old enough count");
    assert_eq!(Share { did: 0, of: 0 }.rate(), None);
}
