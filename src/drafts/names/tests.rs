use super::*;

fn find(text: &str) -> Result<String, (String, Vec<String>)> {
    let all = [
        ("google_ads:1", "Brand search"),
        ("google_ads:2", "Generic search | Zurich"),
        ("meta_ads:3", "Prospecting broad"),
        ("meta_ads:4", "Retargeting 30 days"),
        ("google_ads:5", "Generic search | Basel"),
    ];
    let candidates: Vec<Candidate> =
        all.iter().map(|(id, name)| Candidate { id, names: vec![name] }).collect();
    choose("/campaign", "campaign", text, &candidates).map(|c| c.id.to_owned()).map_err(|e| {
        let refusal = e.refusal().unwrap();
        (refusal.message.clone(), refusal.allowed.clone())
    })
}

#[test]
fn ids_names_and_slips_of_the_pen_lead_to_one_campaign() {
    for (text, id) in [
        ("meta_ads:3", "meta_ads:3"),
        ("BRAND SEARCH", "google_ads:1"),
        ("retargeting", "meta_ads:4"),
        ("prospecting brod", "meta_ads:3"),
        ("generic zurich", "google_ads:2"),
    ] {
        assert_eq!(find(text), Ok(id.to_owned()), "{text}");
    }
}

#[test]
fn two_close_readings_are_asked_about() {
    let (message, allowed) = find("generic search").unwrap_err();
    assert!(message.starts_with("Which campaign is 'generic search'?"), "{message}");
    assert_eq!(allowed, ["google_ads:2", "google_ads:5"]);
}

#[test]
fn a_name_like_no_other_is_refused_with_the_closest() {
    let (message, _) = find("tiktok spark").unwrap_err();
    assert!(message.starts_with("There is no campaign 'tiktok spark'"), "{message}");
}
