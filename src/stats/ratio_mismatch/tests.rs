use super::*;

#[test]
fn worked_splits() {
    let void = check_split(&[(50_650, 1.0), (49_350, 1.0)]).unwrap();
    assert!((void.chi_squared - 16.9).abs() < 0.05 && void.void(), "{void:?}");
    let fine = check_split(&[(50_210, 0.5), (49_790, 0.5)]).unwrap();
    assert!((fine.chi_squared - 1.764).abs() < 0.001 && (fine.p - 0.184).abs() < 0.001 && !fine.void());
    let planned = check_split(&[(349_650, 91.0), (34_580, 9.0)]).unwrap();
    assert!((planned.p - 0.997).abs() < 0.001, "{planned:?}");
    let other = check_split(&[(349_650, 90.0), (34_580, 10.0)]).unwrap();
    assert!((other.chi_squared - 427.0).abs() < 1.0 && other.void());
}

#[test]
fn one_arm_or_no_users_cannot_be_checked() {
    assert_eq!(check_split(&[(10, 1.0)]), None);
    assert_eq!(check_split(&[(0, 1.0), (0, 1.0)]), None);
    assert_eq!(check_split(&[(1, 0.0), (2, 1.0)]), None);
}
