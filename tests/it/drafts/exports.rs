//! Approved drafts as files, each type once; golden files beside.
use super::account::{account, code, decide, draft, sql};
use crate::world::World;
use adjutant::drafts::{self, Created, Decision, ExportFile, ExportFormat};
use serde_json::{Value, json};

async fn approved(world: &World, kind: &str, payload: Value) -> Created {
    let created = draft(world, &world.marketer, kind, payload).await.unwrap();
    let failed: Vec<_> = created.guardrails.iter().filter(|g| g.stops()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    if created.required_approvals > 1 {
        super::account::confirm(world, &world.second_approver, &created).await.unwrap();
        super::account::confirm(world, &world.admin, &created).await.unwrap();
    } else {
        decide(world, &world.approver, &created, Decision::Approve).await.unwrap();
    }
    if created.co_approvals.contains(&"compliance".to_owned()) {
        decide(world, &world.compliance, &created, Decision::Approve).await.unwrap();
    }
    created
}

async fn file(world: &World, created: &Created, format: ExportFormat) -> ExportFile {
    drafts::download(&world.db, &*world.clock, &world.marketer, created.id, Some(format), false)
        .await
        .unwrap()
}

fn text(file: &ExportFile) -> String {
    String::from_utf8(file.body.clone()).unwrap().replace('\u{feff}', "<BOM>")
}

/// Every type with arguments that its guardrails let pass, and its formats.
fn types() -> Vec<(&'static str, &'static str, Value, &'static [ExportFormat])> {
    use ExportFormat::{Editor, Json, List, Markdown, Meta};
    vec![
        (
            "increase",
            "increase_budget",
            json!({"campaign": "Generic search", "pct": 20, "cap": 80}),
            &[Editor, Json],
        ),
        ("decrease_meta", "decrease_budget", json!({"campaign": "Retargeting", "pct": 30}), &[Meta, Json]),
        (
            "pause_meta",
            "pause_campaign",
            json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"}),
            &[Meta, Json],
        ),
        (
            "pause_google",
            "pause_campaign",
            json!({"campaign": "Broad match test", "reason_code": "low_roas"}),
            &[Editor, Json],
        ),
        (
            "reallocate",
            "reallocate_budget",
            json!({"from": "Broad match test", "to": "Generic search", "amount_per_day": 10, "restore_at_end": true}),
            &[Editor, Json],
        ),
        (
            "ramp",
            "reallocate_budget",
            json!({"from": "Broad match test", "to": "Generic search", "amount_per_day": 30}),
            &[Editor, Json],
        ),
        (
            "across",
            "reallocate_budget",
            json!({"from": "Broad match test", "to": "Retargeting", "amount_per_day": 20}),
            &[Editor, Meta, Json],
        ),
        (
            "negatives",
            "add_negative_keyword",
            json!({"campaign": "Generic search", "keywords": [{"text": "free template", "match_type": "PHRASE"}, {"text": "jobs", "match_type": "BROAD"}, {"text": "torrent", "match_type": "BROAD"}]}),
            &[Editor, Json],
        ),
        (
            "negatives_group",
            "add_negative_keyword",
            json!({"campaign": "Generic search", "ad_group": "Compare plans", "keywords": ["free template", "torrent"], "match_type": "BROAD"}),
            &[Editor, Json],
        ),
        ("brief", "generate_content_brief", json!({"keyword": "Trail shoes"}), &[Markdown, Json]),
        (
            "ad_google",
            "ad",
            json!({"campaign": "Generic search", "headlines": [{"text": "Compare Plans in 2 Minutes", "pin": "HEADLINE_1"}, "Independent Advice", "No Hidden Fees"], "descriptions": ["See every option side by side and switch online.", "Free consultation with a local expert."], "path1": "compare", "path2": "plans", "final_url": "https://alpine.example/compare?ref=a#top"}),
            &[Editor, Json, Markdown],
        ),
        (
            "ad_meta",
            "ad",
            json!({"campaign": "Retargeting", "headlines": ["Compare in two minutes"], "descriptions": ["Free and independent"], "primary_texts": ["Every option side by side.", "Switch online in minutes."], "call_to_action": "LEARN_MORE", "final_url": "https://alpine.example/compare"}),
            &[Meta, Json],
        ),
        (
            "audience_rule",
            "retargeting_audience",
            json!({"segment": "quote_started_no_submit_7d", "platform": "google_ads"}),
            &[List, Json],
        ),
        (
            "audience_list",
            "retargeting_audience",
            json!({"segment": "INACTIVE", "platform": "meta_ads"}),
            &[Json],
        ),
    ]
}

#[tokio::test]
async fn every_type_becomes_the_files_it_should() {
    // One world for all: each draft gives its targets back before the next takes them.
    let world = account().await;
    for (n, (name, kind, payload, formats)) in types().into_iter().enumerate() {
        let created = approved(&world, kind, payload).await;
        let mut shown = format!("{}\n\n{}\n", created.title, created.diff.join("\n"));
        for format in formats {
            let file = file(&world, &created, *format).await;
            let extension = file.name.rsplit('.').next().unwrap();
            let sheet = matches!(format, ExportFormat::Editor | ExportFormat::Meta);
            let day = if sheet && kind == "reallocate_budget" { "_2025-09-18" } else { "" };
            assert_eq!(file.name, format!("adjutant_{}_r1_{kind}{day}.{extension}", n + 1));
            shown.push_str(&format!("\n── {} ({format})\n{}", file.name, text(&file)));
        }
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "golden"}, {
            insta::assert_snapshot!(name, shown);
        });
        drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
    }
}

/// Files of exports tell no state: the way back of a pause is to run all the same.
#[tokio::test]
async fn a_pause_of_a_campaign_whose_state_no_file_tells_can_be_taken_back() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(
        &mut superuser,
        world.org,
        "update campaigns set status = 'unknown', raw_status = '' where org_id = ORG and id = 'meta_ads:2001'",
    )
    .await;
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions"});
    let created = approved(&world, "pause_campaign", asked).await;
    let shown = text(&file(&world, &created, ExportFormat::Json).await);
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "golden"}, {
        insta::assert_snapshot!("pause_unknown", format!("{}\n\n{shown}", created.diff.join("\n")));
    });
}

#[tokio::test]
async fn only_an_approved_draft_is_a_file_and_a_preview_says_so() {
    let world = account().await;
    let created =
        draft(&world, &world.marketer, "increase_budget", json!({"campaign": "Generic search", "pct": 20}))
            .await
            .unwrap();
    let get = async |preview| {
        drafts::download(&world.db, &*world.clock, &world.viewer, created.id, None, preview).await
    };
    assert_eq!(code(get(false).await), "draft.not_approved");
    let preview = text(&get(true).await.unwrap());
    assert!(preview.contains("PREVIEW: this draft is pending, do not upload"), "{preview}");
    let json =
        drafts::download(&world.db, &*world.clock, &world.viewer, created.id, Some(ExportFormat::Json), true)
            .await
            .unwrap();
    let json: Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["requests"][0]["body"]["validateOnly"], true);
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let json = file(&world, &created, ExportFormat::Json).await;
    let json: Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["requests"][0]["body"].get("validateOnly"), None);
    assert_eq!(json["payload_hash"], created.payload_hash.to_string());
    assert_eq!(json["approvers"], json!(["Aron Keller"]));
    let meta = drafts::download(
        &world.db,
        &*world.clock,
        &world.viewer,
        created.id,
        Some(ExportFormat::Meta),
        false,
    )
    .await;
    assert_eq!(code(meta), "draft.payload_invalid");
    let trail = super::account::trail(&world, Some(created.id)).await;
    assert_eq!(trail.iter().filter(|a| *a == "export.downloaded").count(), 3, "{trail:?}");
}

#[tokio::test]
async fn a_budget_whose_id_was_never_read_is_named_by_its_campaign() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org, "update campaigns set budget_id = null where org_id = ORG").await;
    let created = approved(&world, "increase_budget", json!({"campaign": "Generic search", "pct": 20})).await;
    let json: Value = serde_json::from_slice(&file(&world, &created, ExportFormat::Json).await.body).unwrap();
    for request in [&json["requests"][0], &json["rollback"][0]["request"]] {
        assert_eq!(
            request["body"]["operations"][0]["update"]["resourceName"],
            "{{customers/1234567890/campaigns/1001.campaign_budget}}"
        );
    }
}

#[tokio::test]
async fn names_from_data_never_act_in_a_spreadsheet() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "update campaigns set name = '=HYPERLINK(\"http://evil.example\",\"x\")' where org_id = ORG and id = 'google_ads:1001'").await;
    let created =
        approved(&world, "increase_budget", json!({"campaign": "google_ads:1001", "pct": 20})).await;
    let sheet = text(&file(&world, &created, ExportFormat::Editor).await);
    let mut reader = csv::Reader::from_reader(sheet.as_bytes());
    for row in reader.records().map(Result::unwrap) {
        for cell in &row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
    assert!(sheet.contains("'=HYPERLINK"), "{sheet}");
}

#[tokio::test]
async fn a_list_holds_hashes_of_those_who_consent_at_the_moment() {
    let world = account().await;
    let created =
        approved(&world, "retargeting_audience", json!({"segment": "INACTIVE", "platform": "meta_ads"}))
            .await;
    assert!(created.diff.contains(&"Size 150 (consent 80 % → 120)".to_owned()), "{:?}", created.diff);
    let first = text(&file(&world, &created, ExportFormat::List).await);
    assert_eq!(first.lines().count(), 121);
    let address = |line: &str| line.split(',').next().unwrap().to_owned();
    let hashed = |cell: String| cell.len() == 64 && cell.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(first.lines().skip(1).all(|line| hashed(address(line))), "{first}");
    let mut superuser = world.superuser().await;
    sql(
        &mut superuser,
        world.org,
        "insert into consents (org_id, customer_id, channel, recorded_at, status, method)
         values (ORG, 'c1', 'ads', '2025-09-17T08:00:00Z', 'denied', 'single');
         update customers set erased_at = '2025-09-17T08:00:00Z' where org_id = ORG and id = 'c2'",
    )
    .await;
    let second = text(&file(&world, &created, ExportFormat::List).await);
    assert_eq!(second.lines().count(), 119);
    let trail = super::account::trail(&world, Some(created.id)).await;
    assert_eq!(trail.iter().filter(|a| *a == "audience.exported").count(), 2);
}

/// A move that takes several days, with the budgets back at the end.
async fn stepwise(world: &World) -> Created {
    let asked = json!({"from": "Broad match test", "to": "Generic search", "amount_per_day": 30, "restore_at_end": true});
    approved(world, "reallocate_budget", asked).await
}

#[tokio::test]
async fn a_sheet_of_a_ramp_holds_the_step_of_its_day() {
    let world = account().await;
    let created = stepwise(&world).await;
    for (wait, day, step, budgets) in [
        (0, "2025-09-18", "step 1 of 4", ["240.00", "60.00"]),
        (48, "2025-09-19", "step 2 of 4", ["228.00", "72.00"]),
    ] {
        world.clock.advance(std::time::Duration::from_secs(wait * 3600));
        let sheet = file(&world, &created, ExportFormat::Editor).await;
        assert!(sheet.name.ends_with(&format!("_{day}.csv")), "{}", sheet.name);
        let mut reader = csv::Reader::from_reader(sheet.body.as_slice());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(|row| &row[1]).collect::<Vec<_>>(), budgets);
        assert!(rows.iter().all(|row| row[2].starts_with(&format!("Run on {day} ({step})"))), "{rows:?}");
    }
}

#[tokio::test]
async fn the_json_of_a_ramp_holds_every_step_and_the_return() {
    let world = account().await;
    let created = stepwise(&world).await;
    let json: Value = serde_json::from_slice(&file(&world, &created, ExportFormat::Json).await.body).unwrap();
    let step = |request: &Value| {
        let update = &request["body"]["operations"][0]["update"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let budget = text(&update["resourceName"]).rsplit('/').next().unwrap().to_owned();
        format!("{} {budget} {}", text(&request["run_on"]), text(&update["amountMicros"]))
    };
    let steps: Vec<String> = json["requests"].as_array().unwrap().iter().map(step).collect();
    assert_eq!(
        steps,
        [
            "2025-09-18 51003 240000000",
            "2025-09-18 51001 60000000",
            "2025-09-19 51003 228000000",
            "2025-09-19 51001 72000000",
            "2025-09-20 51003 220000000",
            "2025-09-20 51001 80000000",
            // Back again: the receiver gives before the donor takes.
            "2025-09-25 51001 50000000",
            "2025-09-25 51003 250000000",
        ]
    );
}

#[tokio::test]
async fn marking_a_ramp_as_applied_names_the_steps_to_come() {
    let world = account().await;
    let created = stepwise(&world).await;
    let request = drafts::AppliedRequest {
        revision: 1,
        payload_hash: created.payload_hash,
        applied_at: adjutant::clock::Clock::now(&*world.clock),
        evidence: "Change history, entry 8".to_owned(),
    };
    drafts::mark_applied(&world.db, &*world.clock, &world.admin, created.id, &request).await.unwrap();
    let mut superuser = world.superuser().await;
    let report: Value =
        sqlx::query_scalar("select report from executions").fetch_one(&mut superuser).await.unwrap();
    let days: Vec<_> = report["steps_to_come"].as_array().unwrap().iter().map(|s| s["on"].clone()).collect();
    assert_eq!(days, ["2025-09-19", "2025-09-20", "2025-09-25"]);
}

#[tokio::test]
async fn a_meta_preview_is_marked_where_nothing_is_created() {
    let world = account().await;
    let asked = json!({"campaign": "Retargeting", "pct": 30});
    let created = draft(&world, &world.marketer, "decrease_budget", asked).await.unwrap();
    let meta = Some(ExportFormat::Meta);
    let preview =
        drafts::download(&world.db, &*world.clock, &world.viewer, created.id, meta, true).await.unwrap();
    let preview = text(&preview);
    let (mark, sheet) = preview.split_once('\n').unwrap();
    assert!(mark.contains("PREVIEW: this draft is pending, do not upload"), "{mark}");
    let mut reader = csv::Reader::from_reader(sheet.as_bytes());
    let ids: Vec<String> = reader.records().map(|row| row.unwrap()[0].to_owned()).collect();
    assert_eq!(ids, ["2002"], "a row without ids would be a new campaign");
}
