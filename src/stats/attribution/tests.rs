use super::*;

fn order(touches: &[(&str, f64)], revenue: f64) -> (Vec<Touch>, f64) {
    let touch =
        |(channel, age_days): &(&str, f64)| Touch { channel: (*channel).to_owned(), age_days: *age_days };
    (touches.iter().map(touch).collect(), revenue)
}

fn orders() -> Vec<(Vec<Touch>, f64)> {
    vec![
        order(&[("social", 14.0), ("search", 7.0), ("email", 0.0)], 120.0),
        order(&[("search", 0.0)], 60.0),
        order(&[("social", 7.0), ("email", 0.0)], 80.0),
        order(&[("email", 14.0), ("search", 0.0)], 40.0),
    ]
}

#[test]
fn every_model_of_the_worked_paths() {
    let expected = [
        (CreditRule::First, [(200.0, 2.0), (60.0, 1.0), (40.0, 1.0)]),
        (CreditRule::Last, [(0.0, 0.0), (100.0, 2.0), (200.0, 2.0)]),
        (CreditRule::Linear, [(80.0, 0.8333), (120.0, 1.8333), (100.0, 1.3333)]),
        (CreditRule::TimeDecay, [(43.81, 0.4762), (126.29, 2.0857), (129.90, 1.4381)]),
        (CreditRule::Position, [(88.0, 0.9), (104.0, 1.7), (108.0, 1.4)]),
    ];
    for (rule, figures) in expected {
        let found = attribute(rule, &orders());
        for (channel, (revenue, number)) in ["social", "search", "email"].into_iter().zip(figures) {
            let got = found.get(channel).copied().unwrap_or_default();
            assert!((got.0 - revenue).abs() < 0.005, "{rule:?} {channel}: {got:?}");
            assert!((got.1 - number).abs() < 0.00005, "{rule:?} {channel}: {got:?}");
        }
        let whole: f64 = found.values().map(|(revenue, _)| revenue).sum();
        assert!((whole - 300.0).abs() < 1e-9, "{rule:?} adds up to the revenue");
    }
}

#[test]
fn two_orders_of_one_user_are_credited_each() {
    let two = [order(&[("search", 3.0)], 60.0), order(&[("email", 1.0)], 80.0)];
    let whole: f64 = attribute(CreditRule::Linear, &two).values().map(|(revenue, _)| revenue).sum();
    assert!((whole - 140.0).abs() < 1e-9);
}

#[test]
fn an_order_without_a_touch_is_not_lost() {
    assert_eq!(attribute(CreditRule::Last, &[(Vec::new(), 40.0)])["unattributed"], (40.0, 1.0));
}

#[test]
fn removal_effects_of_the_worked_chain() {
    let path = |channels: &[&str], converts| {
        (channels.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>(), converts)
    };
    let paths = [
        path(&["social", "search", "email"], true),
        path(&["search"], true),
        path(&["social", "email"], true),
        path(&["email", "search"], true),
        path(&["search", "social"], false),
        path(&["social"], false),
    ];
    let shares = removal_shares(&paths).unwrap();
    for (channel, share, revenue) in
        [("social", 0.234, 70.10), ("search", 0.405, 121.38), ("email", 0.362, 108.52)]
    {
        assert!((shares[channel] - share).abs() < 0.0005, "{channel} {}", shares[channel]);
        assert!((shares[channel] * 300.0 - revenue).abs() < 0.005, "{channel}");
    }
    assert_eq!(removal_shares(&paths[4..]), None);
}
