use super::*;

fn faults(text: &str) -> Vec<String> {
    let faults = read(text.as_bytes()).expect_err("a fault");
    faults.into_iter().map(|fault| format!("{} [{}]", fault.message, fault.code)).collect()
}

#[test]
fn every_fault_has_its_line_its_field_and_its_code() {
    let text = "From_Kind,from_id,relation,to_kind,to_id,confidence,since,until\n\
        campaign,utm:google/x,same_as,campaign,google_ads:1,,,\n\
        shoe,a,wears,page,,2,1.5.2026,\n\
        campaign,utm:google/x,same_as,campaign,google_ads:1,,,\n\
        page,/a,sells,product\n\
        page,/a,sells,product,shopify:1,0.5,2026-05-02,2026-05-01\n";
    let faults = faults(text);
    assert_eq!(faults.len(), 8, "{faults:#?}");
    assert!(
        faults[0].starts_with("Line 3: from_kind is no entity kind; one of: org, site,"),
        "{}",
        faults[0]
    );
    assert_eq!(
        faults[1..],
        [
            "Line 3: relation is no relation; one of: same_as, lands_on, promotes, sells, targets, bids_on, about. [csv.unknown_enum]",
            "Line 3: to_id is empty. [csv.missing_required]",
            "Line 3: since is a day such as 2026-01-31. [csv.bad_date]",
            "Line 3: confidence is a number from 0 to 1. [csv.out_of_range]",
            "Line 4 says again what line 2 says: campaign utm:google/x same_as campaign google_ads:1. [csv.duplicate_in_file]",
            "Line 5 has 4 fields, the header has 8. [csv.column_count]",
            "Line 6: until lies before since. [csv.out_of_range]",
        ]
    );
    assert_eq!(
        super::tests::faults("from_kind;from_id;relation\ncampaign;a;same_as\n"),
        [
            "Line 1 has no column to_kind, to_id; a file has the columns from_kind, from_id, relation, to_kind, to_id, state, since, until, similarity, confidence, evidence, origin. [csv.missing_required]"
        ]
    );
    assert!(read(b"\xff\xfe\n").is_err());
}

#[test]
fn names_that_a_spreadsheet_would_calculate_come_back_as_they_were() {
    for id in ["=1+1", "-brand", "+x", "@y", "'quoted", "'=z", "plain"] {
        let link = Link {
            from: Thing::new(EntityKind::Campaign, id),
            relation: Relation::SameAs,
            to: Thing::new(EntityKind::Campaign, "google_ads:1"),
        };
        let held = Held {
            link: link.clone(),
            since: "2026-05-01".parse().unwrap(),
            until: None,
            state: LinkState::Confirmed,
            similarity: Some("0.45".parse().unwrap()),
            confidence: Decimal::ONE,
            evidence: "=evil()".to_owned(),
            origin: crate::db::entity_map::Origin::Automatic,
            set_by: None,
        };
        let file = export(&[held]).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains(",=evil"), "{id}");
        let wishes = read(&file).unwrap();
        let (line, wish) = &wishes[0];
        assert_eq!((*line, &wish.link, wish.evidence.as_str()), (2, &link, "=evil()"), "{id}");
        assert!(wish.by_rule && wish.holds);
    }
}
