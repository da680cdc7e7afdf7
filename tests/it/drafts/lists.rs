//! Lists of people for each platform, what a reader without the right to them sees, and how far rules look back.
use super::account::{account, code, confirm, draft, look, message, sql};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::drafts::{self, Created, ExportFile, ExportFormat, OverrideRequest};
use serde_json::{Value, json};

/// An approved list of the 120 consenting people of the segment.
async fn list(world: &World, platform: &str) -> Created {
    let asked = json!({"segment": "INACTIVE", "platform": platform, "method": "list"});
    let created = draft(world, &world.marketer, "retargeting_audience", asked).await.unwrap();
    let held: Vec<_> = created.guardrails.iter().filter(|g| g.stops()).map(|g| g.code.clone()).collect();
    for code in held {
        let reason = "A small audience will do here.".to_owned();
        let request = OverrideRequest { revision: 1, code, reason };
        let db = &world.db;
        drafts::override_guardrail(db, &*world.clock, &world.admin, created.id, &request).await.unwrap();
    }
    // A small audience makes a tier that needs three votes, each confirmed.
    for person in [&world.approver, &world.second_approver, &world.admin, &world.compliance] {
        confirm(world, person, &created).await.unwrap();
    }
    created
}

async fn file(world: &World, actor: &Actor, created: &Created) -> ExportFile {
    let format = Some(ExportFormat::List);
    drafts::download(&world.db, &*world.clock, actor, created.id, format, false).await.unwrap()
}

fn text(file: &ExportFile) -> String {
    String::from_utf8(file.body.clone()).unwrap().replace('\u{feff}', "<BOM>")
}

/// Accounts on the platforms that the small account has none on, and a country.
async fn everywhere() -> World {
    let world = account().await;
    let mut superuser = world.superuser().await;
    for source in ["linkedin_ads", "tiktok_ads", "reddit_ads"] {
        sql(&mut superuser, world.org, &format!(
            "insert into campaigns (org_id, id, account_id, name, status, channel, currency, source, first_seen_at, updated_at)
             values (ORG, '{source}:1', '77', 'Talk', 'active', 'paid_social', 'EUR', '{source}', '2025-09-01T00:00:00Z', '2025-09-01T00:00:00Z')")).await;
    }
    sql(&mut superuser, world.org, "update customers set country = 'CH' where org_id = ORG and id = 'c1'")
        .await;
    world
}

#[tokio::test]
async fn each_platform_gets_the_list_it_takes() {
    let world = everywhere().await;
    for platform in ["google_ads", "meta_ads", "linkedin_ads", "tiktok_ads", "reddit_ads"] {
        let created = list(&world, platform).await;
        let file = file(&world, &world.marketer, &created).await;
        let all = text(&file);
        let with_country = all.lines().filter(|line| line.to_lowercase().contains("ch")).count();
        let shown: Vec<&str> = all.lines().take(4).collect();
        let extension = file.name.rsplit('.').next().unwrap();
        let shown = format!(
            "{extension} {}\n{} lines\n\n{}\n",
            file.content_type,
            all.lines().count(),
            shown.join("\n")
        );
        assert_eq!(with_country, usize::from(matches!(platform, "google_ads" | "meta_ads")), "{platform}");
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "golden"}, {
            insta::assert_snapshot!(format!("list_{platform}"), shown);
        });
        drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
    }
}

#[tokio::test]
async fn google_gets_its_own_hash_of_its_own_addresses() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "update customers set email_hash_google = sha256('person1@googlemail.com') where org_id = ORG and id = 'c1'").await;
    let [plain, own]: [String; 2] = sqlx::query_scalar(
        "select unnest(array[encode(email_hash, 'hex'), encode(email_hash_google, 'hex')]) from customers where id = 'c1'",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap()
    .try_into()
    .unwrap();
    for (platform, has, lacks) in [("google_ads", &own, &plain), ("meta_ads", &plain, &own)] {
        let created = list(&world, platform).await;
        let all = text(&file(&world, &world.marketer, &created).await);
        assert!(all.contains(has.as_str()) && !all.contains(lacks.as_str()), "{platform}");
    }
}

#[tokio::test]
async fn who_may_not_propose_gets_a_list_without_people() {
    let world = everywhere().await;
    for platform in ["meta_ads", "tiktok_ads"] {
        let created = list(&world, platform).await;
        let masked = text(&file(&world, &world.viewer, &created).await);
        assert!(masked.contains("120 people, masked"), "{masked}");
        assert!(masked.lines().count() <= 2, "{masked}");
        let whole = text(&file(&world, &world.marketer, &created).await);
        assert!(whole.lines().count() >= 120);
        let trail = super::account::trail(&world, Some(created.id)).await;
        assert_eq!(trail[trail.len() - 2..], ["export.downloaded", "audience.exported"]);
    }
}

#[tokio::test]
async fn a_rule_looks_back_as_far_as_its_segment_says() {
    let world = everywhere().await;
    let ask = async |segment: &str, platform: &str, days: i64| {
        let asked = json!({"segment": segment, "platform": platform, "membership_days": days});
        draft(&world, &world.marketer, "retargeting_audience", asked).await
    };
    let request = async |created: &Created| -> Value {
        let json = Some(ExportFormat::Json);
        let file = drafts::download(&world.db, &*world.clock, &world.viewer, created.id, json, true).await;
        let document: Value = serde_json::from_slice(&file.unwrap().body).unwrap();
        document["requests"][0]["body"].clone()
    };
    let google = ask("quote_started_no_submit_7d", "google_ads", 30).await.unwrap();
    let body = request(&google).await;
    let list = &body["operations"][0]["create"];
    assert_eq!(list["membershipLifeSpan"], 30);
    let rule = &list["ruleBasedUserList"]["flexibleRuleUserList"];
    for operands in ["inclusiveOperands", "exclusiveOperands"] {
        assert_eq!(rule[operands][0]["lookbackWindowDays"], 7, "{operands}");
    }
    let city = ask("city_page_viewed_2x_14d", "meta_ads", 14).await.unwrap();
    let seconds = &request(&city).await["rule"]["inclusions"]["rules"][0]["retention_seconds"];
    assert_eq!(*seconds, 14 * 86_400);
    let longer = ask("quote_started_no_submit_7d", "tiktok_ads", 30).await;
    assert_eq!(
        message(longer),
        "A rule on tiktok_ads keeps people for as long as it looks back, 7 days; leave membership_days out."
    );
    // A list has no window of its own.
    let asked =
        json!({"segment": "INACTIVE", "platform": "meta_ads", "method": "list", "membership_days": 90});
    let created = draft(&world, &world.marketer, "retargeting_audience", asked).await.unwrap();
    assert_eq!(look(&world, created.id).await.payload["membership_days"], 90);
    assert_eq!(code(ask("quote_started_no_submit_7d", "meta_ads", 8).await), "draft.payload_invalid");
}

#[tokio::test]
async fn who_is_held_out_or_erased_is_in_no_audience() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into experiments (org_id, id, name, kind, entity_kind, entity_id, status, primary_metric, created_at) values
         (ORG, '00000000-0000-7000-8000-00000000000e', 'Holdout', 'holdout', 'org', 'org', 'running', 'revenue', '2025-09-01T00:00:00Z');
         insert into experiment_arms (org_id, experiment_id, arm, is_control) values
         (ORG, '00000000-0000-7000-8000-00000000000e', 'held', true), (ORG, '00000000-0000-7000-8000-00000000000e', 'rest', false);
         insert into experiment_assignments (org_id, experiment_id, actor_id, arm, assigned_at)
         select ORG, '00000000-0000-7000-8000-00000000000e', 'c' || n, case when n <= 10 then 'held' else 'rest' end,
             '2025-09-01T00:00:00Z' from generate_series(1, 20) n;
         update customers set erased_at = '2025-09-17T08:00:00Z' where org_id = ORG and id = 'c11'").await;
    let created = list(&world, "google_ads").await;
    assert!(created.diff.contains(&"Size 139 (consent 78 % → 109)".to_owned()), "{:?}", created.diff);
    let all = text(&file(&world, &world.marketer, &created).await);
    assert_eq!(all.lines().count(), 110, "the header and 109 people");
}

#[tokio::test]
async fn employees_and_people_who_opted_out_are_in_no_audience() {
    let world = account().await;
    let asked = json!({"segment": "INACTIVE", "platform": "meta_ads"});
    let sizes = async || {
        let created = draft(&world, &world.marketer, "retargeting_audience", asked.clone()).await.unwrap();
        let before = look(&world, created.id).await.before;
        drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
        (before["size"].clone(), before["consenting"].clone())
    };
    assert_eq!(sizes().await, (json!(150), json!(120)));
    let mut superuser = world.superuser().await;
    for (statement, left) in [
        // One of them works here: a member has the address.
        (
            "update members set email_hash = sha256('person1@mail.example') where org_id = ORG and name = 'Mara Lindt'",
            (149, 119),
        ),
        (
            "insert into consents (org_id, customer_id, channel, recorded_at, status, method)
             values (ORG, 'c2', 'ads', '2025-08-02T00:00:00Z', 'denied', 'single')",
            (148, 118),
        ),
        // The organisation keeps a segment of its people; who left it is a customer like any other.
        (
            "insert into segments (org_id, id, name, kind, created_at)
             values (ORG, '00000000-0000-7000-8000-000000000002', 'Employees', 'list', '2025-09-01T00:00:00Z')",
            (148, 118),
        ),
        (
            "insert into segment_members (org_id, segment_id, actor_id, joined_on, left_on)
             values (ORG, '00000000-0000-7000-8000-000000000002', 'c3', '2025-09-01', null),
                    (ORG, '00000000-0000-7000-8000-000000000002', 'c4', '2025-09-01', '2025-09-10')",
            (147, 117),
        ),
    ] {
        sql(&mut superuser, world.org, statement).await;
        assert_eq!(sizes().await, (json!(left.0), json!(left.1)), "{statement}");
    }
    let created = list(&world, "meta_ads").await;
    assert!(created.diff.contains(
        &"− Employees, and people who opted out, were erased or are held out of a test".to_owned()
    ));
    assert_eq!(
        text(&file(&world, &world.marketer, &created).await).lines().count(),
        118,
        "a header and 117 people"
    );
}

/// One known younger person blocks; people of whom nobody ever read an age hold; an unknown age among known ones is told.
#[tokio::test]
async fn people_under_age_are_on_no_list() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    let guard = async || {
        let asked = json!({"segment": "INACTIVE", "platform": "meta_ads", "method": "list"});
        let created = draft(&world, &world.marketer, "retargeting_audience", asked).await.unwrap();
        drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
        let age = created.guardrails.into_iter().find(|g| g.code == "guardrail.minor_targeting").unwrap();
        (age.passed, age.holds(), age.inputs["age_unknown"].clone())
    };
    for (statement, told) in [
        ("update segments set age_min = null where org_id = ORG", (false, true, json!(120))),
        (
            "update customers set birth_year = 1990 where org_id = ORG and id = 'c1'",
            (true, false, json!(119)),
        ),
        // c130 never agreed to advertising and is not on the list.
        (
            "update customers set birth_year = 2012 where org_id = ORG and id = 'c130'",
            (true, false, json!(119)),
        ),
        (
            "update customers set birth_year = 2012 where org_id = ORG and id = 'c2'",
            (false, false, json!(118)),
        ),
    ] {
        sql(&mut superuser, world.org, statement).await;
        assert_eq!(guard().await, told, "{statement}");
    }
}

#[tokio::test]
async fn an_audience_of_the_same_name_is_shown_and_stops_an_approval_that_did_not_see_it() {
    let world = account().await;
    let asked = json!({"segment": "INACTIVE", "platform": "meta_ads", "name": "Sleepers"});
    let created = draft(&world, &world.marketer, "retargeting_audience", asked.clone()).await.unwrap();
    assert_eq!(look(&world, created.id).await.before["existing"], json!(null));
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into entities (org_id, kind, id, external_id, name, source, first_seen_at, updated_at)
         values (ORG, 'segment', 'meta_ads:77', '77', 'sleepers', 'meta_ads', '2025-09-17T08:00:00Z', '2025-09-17T08:00:00Z')").await;
    let refused = super::account::decide(&world, &world.approver, &created, drafts::Decision::Approve).await;
    let refused = if refused.is_ok() {
        super::account::decide(&world, &world.compliance, &created, drafts::Decision::Approve).await
    } else {
        refused
    };
    assert_eq!(message(refused), "existing was not set when drafted and is now meta_ads:77.");
    drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
    let again = draft(&world, &world.marketer, "retargeting_audience", asked).await.unwrap();
    let line = "An audience of this name exists already: meta_ads:77".to_owned();
    assert!(again.diff.contains(&line), "{:?}", again.diff);
}
