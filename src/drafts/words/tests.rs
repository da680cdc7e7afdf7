use super::*;

#[test]
fn amounts_are_grouped_and_rounded_half_away_from_zero() {
    assert_eq!(amount(dec("1234567.005"), 2), "1,234,567.01");
    assert_eq!(amount(dec("-50"), 2), "−50.00");
    assert_eq!(amount(dec("999.5"), 0), "1,000");
    assert_eq!(amount(dec("-0.001"), 2), "0.00");
}

#[test]
fn changes_carry_their_sign() {
    assert_eq!(change(dec("50"), dec("60")), "+20.0 %");
    assert_eq!(change(dec("250"), dec("200")), "−20.0 %");
    assert_eq!(change(dec("0"), dec("10")), "new");
}
