use super::*;

#[test]
fn the_worked_series() {
    let week = Baseline::of(&[10.0, 12.0, 11.0, 9.0, 13.0, 10.0, 11.0]).unwrap();
    assert_eq!((week.median, week.mad), (11.0, 1.0));
    assert!((week.robust_z(20.0) - 6.07).abs() < 0.005);
    let saturdays = [1010.0, 980.0, 1040.0, 995.0, 1025.0, 1000.0, 960.0, 1030.0];
    let eight = Baseline::of(&saturdays).unwrap();
    assert_eq!((eight.median, eight.mad), (1005.0, 22.5));
    assert!((eight.robust_z(700.0) + 9.14).abs() < 0.005);
    let four = Baseline::of(&saturdays[4..]).unwrap();
    assert_eq!(four.median, 1012.5);
    assert!((four.change(700.0).unwrap() + 0.309).abs() < 0.0005);
}

#[test]
fn a_plain_week_cries_wolf_on_a_saturday() {
    let plain = Baseline::of(&[100.0, 104.0, 98.0, 110.0, 130.0, 160.0, 150.0]).unwrap();
    assert!((plain.robust_z(170.0) - 3.37).abs() < 0.005, "{}", plain.robust_z(170.0));
}

#[test]
fn nothing_ever_moved() {
    let flat = Baseline::of(&[100.0; 7]).unwrap();
    assert_eq!(flat.robust_z(110.0), 2.0);
    assert_eq!(Baseline::of(&[0.0; 7]).unwrap().robust_z(3.0), 3.0);
    assert_eq!(Baseline::of(&[]), None);
}
