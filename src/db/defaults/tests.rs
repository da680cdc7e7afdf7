use super::*;

fn shown(code: &str) -> Vec<String> {
    let all = in_currency(code.parse().unwrap());
    all.into_iter().map(|(setting, value)| format!("{setting} {value}")).collect()
}

#[test]
fn defaults_are_converted_once_to_two_significant_digits() {
    assert_eq!(
        shown("JPY"),
        [
            "max_net_increase_per_day \"74000\"",
            "new_account_daily_cap \"7400\"",
            r#"tier_limits {"high":"1500000","low":"15000","medium":"150000"}"#,
            "pause_min_spend \"15000\"",
            "donor_min_budget \"1500\"",
        ]
    );
    assert_eq!(shown("EUR")[0], "max_net_increase_per_day \"440\"");
    assert_eq!(shown("KWD")[4], "donor_min_budget \"3.1\"");
}

#[test]
fn dollars_and_unknown_currencies_keep_the_figures() {
    assert!(shown("USD").is_empty() && shown("XTS").is_empty());
}

#[test]
fn each_rate_is_a_number_of_a_currency_named_once() {
    for (i, (code, rate)) in FOR_ONE_USD.iter().enumerate() {
        assert!(code.parse::<Currency>().is_ok() && rate.parse::<Decimal>().is_ok(), "{code}");
        assert!(FOR_ONE_USD[..i].iter().all(|(earlier, _)| earlier < code), "{code} is not in order");
    }
}
