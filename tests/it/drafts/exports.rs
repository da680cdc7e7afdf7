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
        ("increase", "increase_budget", json!({"campaign": "Generic search", "pct": 20}), &[Editor, Json]),
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
        ("brief", "generate_content_brief", json!({"keyword": "Trail shoes"}), &[Markdown, Json]),
        (
            "ad_google",
            "ad",
            json!({"campaign": "Generic search", "headlines": [{"text": "Compare Plans in 2 Minutes", "pin": "HEADLINE_1"}, "Independent Advice", "No Hidden Fees"], "descriptions": ["See every option side by side and switch online.", "Free consultation with a local expert."], "path1": "compare", "final_url": "https://alpine.example/compare?ref=a#top"}),
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
            assert_eq!(file.name, format!("adjutant_{}_r1_{kind}.{extension}", n + 1));
            shown.push_str(&format!("\n── {} ({format})\n{}", file.name, text(&file)));
        }
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "golden"}, {
            insta::assert_snapshot!(name, shown);
        });
        drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, None).await.unwrap();
    }
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
    assert!(
        first.lines().skip(1).all(|l| l.len() == 64 && l.bytes().all(|b| b.is_ascii_hexdigit())),
        "{first}"
    );
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
