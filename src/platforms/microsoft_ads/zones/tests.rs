use super::*;

fn of(zone: &str) -> Option<&'static str> {
    word(&TimeZone::get(zone).unwrap(), "2025-09-17T09:00:00Z".parse().unwrap())
}

#[test]
fn a_zone_has_its_own_word_or_that_of_one_with_the_same_time() {
    assert_eq!(of("America/Los_Angeles"), Some("PacificTimeUSCanadaTijuana"));
    assert_eq!(of("Europe/Zurich"), Some("AmsterdamBerlinBernRomeStockholmVienna"));
    assert_eq!(of("Europe/Dublin"), Some("GreenwichMeanTimeDublinEdinburghLisbonLondon"));
    assert_eq!(of("America/Phoenix"), Some("Arizona"), "no summer time there");
    assert_eq!(of("Pacific/Marquesas"), None);
}

#[test]
fn every_word_is_a_zone_that_there_is() {
    for (word, zone) in ZONES {
        assert!(TimeZone::get(zone).is_ok(), "{word}");
        assert_eq!((iana(word), of(zone)), (Some(*zone), Some(*word)));
    }
    assert_eq!(iana("Atlantis"), None);
}

#[test]
fn an_account_s_word_may_be_spelt_otherwise_than_a_report_s() {
    for (account, report) in [
        ("AthensBuckarestIstanbul", "AthensIslandanbulMinsk"),
        ("IslamabadKarachiTashkent", "IslandamabadKarachiTashkent"),
        ("MidwayIslandAndSamoa", "MidwayIslandandSamoa"),
        ("InternationalDatelineWest", "InternationalDateLineWest"),
        ("Almaty_Novosibirsk", "AlmatyNovosibirsk"),
        ("KuwaitRiyadh", "KuwaitRiyadh"),
        ("CasablancaMonrovia", "CasablancaMonrovia"),
    ] {
        assert_eq!(iana(account).and_then(of), Some(report), "{account}");
    }
}
