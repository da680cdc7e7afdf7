use super::*;
use jiff::ToSpan as _;

fn rules() -> QualityRules {
    QualityRules::built_in().unwrap()
}

fn end() -> Timestamp {
    "2026-01-25T10:00:00Z".parse().unwrap()
}

#[test]
fn every_measure_is_said_what_to_do_about_once() {
    let rules = rules();
    let mut names: Vec<Measure> = rules.measures.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    let mut all = Measure::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(names, all);
    assert!(rules.measures.iter().all(|rule| rule.severity.is_some() == rule.anomaly.is_some()));
}

#[test]
fn every_connector_has_an_age_but_files() {
    let rules = rules();
    for source in crate::events::Source::ALL.iter().filter(|source| source.is_connector()) {
        let age = rules.connections.age(source.as_str()).unwrap_or_else(|| panic!("{source}"));
        let hours = age.fresh_hours.zip(age.alert_hours).is_some_and(|(fresh, alert)| fresh < alert);
        let days = age.fresh_days.zip(age.alert_days).is_some_and(|(fresh, alert)| fresh < alert);
        assert!(hours != days, "{source}");
    }
    assert!(rules.connections.age("csv").is_none());
}

#[test]
fn measures_are_those_of_the_table() {
    let hour = Hour {
        expected: Some(200),
        received: 100,
        valid: 96,
        duplicate: 3,
        late: 9,
        stored: 90,
        required_filled: 450,
        required_total: 500,
        unknown_props: 24,
        mapped: 40,
        named: 50,
        newest_at: Some(end() - 12.minutes()),
    };
    let of = |measure: Measure| measure.of(&hour, end()).unwrap().0;
    let values: Vec<f64> = Measure::ALL.iter().map(|measure| of(*measure)).collect();
    assert_eq!(values, [50.0, 96.0, 3.0, 10.0, 12.0, 90.0, 10.0, 75.0, 80.0]);
    let nothing = Hour::default();
    assert!(Measure::ALL.iter().all(|measure| measure.of(&nothing, end()).is_none()));
}

#[test]
fn a_threshold_itself_is_no_breach_and_few_items_say_nothing() {
    let rules = rules();
    let rule = |name: Measure| *rules.measures.iter().find(|rule| rule.name == name).unwrap();
    let validation = rule(Measure::ValidationPassRate);
    assert_eq!(validation.judge((95.0, 20)), Some(false));
    assert_eq!(validation.judge((94.9, 20)), Some(true));
    assert_eq!(validation.judge((0.0, 19)), None);
    let late = rule(Measure::LateArrivalRate);
    assert_eq!((late.judge((5.0, 20)), late.judge((5.1, 20))), (Some(false), Some(true)));
    assert_eq!(rule(Measure::SchemaCompliance).judge((0.0, 1_000)), None);
}

#[test]
fn an_alert_opens_after_two_bad_windows_and_closes_after_three_good_ones() {
    let rules = rules();
    let (mut streak, mut open) = (Streak::default(), false);
    let changes: String = "bgbbbggbgggggbb"
        .chars()
        .map(|window| {
            let (next, change) = streak.count(window == 'b', open, &rules);
            streak = next;
            match change {
                Change::Opens => open = true,
                Change::Closes => open = false,
                Change::Stays => {}
            }
            match change {
                Change::Opens => 'O',
                Change::Closes => 'C',
                Change::Stays => '.',
            }
        })
        .collect();
    assert_eq!(changes, "...O......C...O");
}

#[test]
fn storage_is_in_trouble_when_every_minute_of_five_failed_too_often() {
    let rule = rules().storage;
    let five = |failed: [i64; 5]| failed.map(|failed| (10, failed));
    assert_eq!(rule.judge(&five([1, 1, 1, 1, 1])), Some(true));
    assert_eq!(rule.judge(&five([1, 1, 0, 1, 1])), Some(false), "not for five minutes");
    assert_eq!(
        rule.judge(&[(20, 1), (20, 1), (20, 1), (20, 1), (20, 1)]),
        Some(false),
        "5 % is not more than 5 %"
    );
    assert_eq!(rule.judge(&[(3, 3), (3, 3), (3, 3), (3, 3), (3, 3)]), Some(false), "too few to tell");
    assert_eq!(rule.judge(&[(0, 0), (10, 9), (10, 9), (10, 9), (10, 9)]), Some(false), "four minutes");
    assert_eq!(
        rule.judge(&[(10, 9), (0, 0), (10, 9), (10, 9), (10, 9)]),
        Some(true),
        "a minute without requests says nothing"
    );
    assert_eq!(rule.judge(&[(10, 9), (10, 9), (10, 9), (10, 9), (0, 0)]), None);
}

#[test]
fn every_class_has_a_grace() {
    let rules = rules();
    assert!(crate::events::SlaClass::ALL.iter().all(|class| rules.lag.grace_minutes.contains_key(class)));
    assert!(crate::events::Source::ALL.iter().filter(|s| rules.connections.halts(s.as_str())).count() == 5);
}
