use super::*;

fn sizes_of(baseline: f64, effect: f64, power: f64, treated_share: f64) -> (Split, Split) {
    sizes(Plan { baseline, effect, power, alpha: 0.05, treated_share }).unwrap()
}

#[test]
fn the_table_of_plans() {
    // baseline, absolute effect, power, treated share, pooled (treated, control), unpooled, total of the plan
    for (p, d, power, share, pooled, unpooled, total) in [
        (0.02, 0.002, 0.8, 0.5, (80_682, 80_682), (80_679, 80_679), 161_364),
        (0.02, 0.002, 0.9, 0.5, (108_009, 108_009), (108_006, 108_006), 216_018),
        (0.02, 0.004, 0.8, 0.5, (21_109, 21_109), (21_106, 21_106), 42_218),
        (0.02, 0.001, 0.8, 0.5, (315_206, 315_206), (315_204, 315_204), 630_412),
        (0.05, 0.005, 0.8, 0.5, (31_234, 31_234), (31_231, 31_231), 62_468),
        (0.10, 0.005, 0.8, 0.5, (57_763, 57_763), (57_760, 57_760), 115_526),
        (0.02, 0.002, 0.8, 0.9, (409_284, 45_476), (388_355, 43_151), 454_760),
        (0.02, 0.002, 0.8, 0.2, (49_855, 199_417), (51_835, 207_337), 259_172),
        (0.008, 0.0012, 0.8, 0.5, (92_944, 92_944), (92_941, 92_941), 185_888),
        (0.008, 0.004, 0.8, 0.5, (9_712, 9_712), (9_710, 9_710), 19_424),
        (0.008, 0.004, 0.8, 0.2, (5_764, 23_054), (6_790, 27_158), 33_948),
        (0.041, 0.003, 0.8, 0.5, (70_977, 70_977), (70_974, 70_974), 141_954),
    ] {
        let (got_pooled, got_unpooled) = sizes_of(p, d, power, share);
        assert_eq!((got_pooled.treated, got_pooled.control), pooled, "pooled {p} {d} {share}");
        assert_eq!((got_unpooled.treated, got_unpooled.control), unpooled, "unpooled {p} {d} {share}");
        let chosen = plan(Plan { baseline: p, effect: d, power, alpha: 0.05, treated_share: share }).unwrap();
        assert_eq!(chosen.total(), total);
    }
}

#[test]
fn a_test_runs_whole_weeks() {
    assert_eq!(days_needed(161_364, 12_000), Some(14));
    assert_eq!(days_needed(10, 12_000), Some(7));
    assert_eq!(days_needed(10, 0), None);
}

#[test]
fn what_campaign_a_s_holdout_can_see() {
    let lift = detectable_lift(0.001_677, 349_650, 34_580, 0.8).unwrap();
    assert!((lift - 0.00073).abs() < 0.00001, "{lift}");
}

#[test]
fn impossible_plans_say_what_is_wrong() {
    let of = |baseline, effect, power, share| {
        plan(Plan { baseline, effect, power, alpha: 0.05, treated_share: share })
    };
    assert_eq!(of(0.0, 0.1, 0.8, 0.5), Err(PlanError::Baseline));
    assert_eq!(of(0.9, 0.2, 0.8, 0.5), Err(PlanError::Effect));
    assert_eq!(of(0.1, 0.0, 0.8, 0.5), Err(PlanError::Effect));
    assert_eq!(of(0.1, 0.01, 1.0, 0.5), Err(PlanError::Certainty));
    assert_eq!(of(0.1, 0.01, 0.8, 1.0), Err(PlanError::Split));
}
