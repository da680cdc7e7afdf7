//! Files that an analyst drops into the overlay: what makes them tools, and what is said of those that are wrong.
use super::*;

/// A file as an analyst would drop it in.
pub fn file(name: &str, head: &str, columns: &str, totals: &str, sql: &str) -> String {
    format!(
        r#"/*---
name: {name}
version: 1
title: A query of an analyst
description: Dropped into the overlay.
group: overview
personas: [cmo]
modules: []
metrics: []
sources: [daily_metrics]
columns: {columns}
totals: {totals}
keywords: [one, two, three]
examples: ["{name} one", "{name} two", "{name} three"]
negatives: []
chart: {{kind: table}}
answer: {{headline: "{{n}} rows", row: "{{rank}}", empty: "none"}}
follow_ups: []
drafts: []
test: {{fixture: shop, params: {{}}, expect: {{rows: 1}}}}
{head}
---*/
{sql}
"#
    )
}

pub fn overlay(files: &[(&str, String)]) -> (std::path::PathBuf, Catalogue) {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("overlay-{}-{n}", std::process::id()));
    let folder = root.join("queries/overview");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
    }
    let (catalogue, faults) = Catalogue::load_whole(Some(&root));
    let own: Vec<String> = faults
        .iter()
        .filter(|f| files.iter().any(|(name, _)| f.path.ends_with(&format!("/{name}.sql"))))
        .map(ToString::to_string)
        .collect();
    assert!(own.is_empty(), "{own:#?}");
    (root, catalogue)
}

pub const USUAL: &str = "params: {}\naccess: {permission: query.run, pii: none}\nlimits: {timeout_ms: 3000, max_rows: 5}\ncache_s: 60";
pub const NUMBERS: &str =
    "select n as n, n::numeric / 3 as part from generate_series(1, 1000) as n order by n";

#[test]
fn a_file_of_the_overlay_that_nobody_reads_is_a_fault() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("unread-{}", std::process::id()));
    for path in
        ["leads.sql", "actions/pause_campaign.yaml", "queries/leads/notes.yaml", "README.md", "metrics.yaml"]
    {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "[]").unwrap();
    }
    let (_, faults) = Catalogue::load_whole(Some(&root));
    std::fs::remove_dir_all(&root).unwrap();
    let unread: Vec<&str> =
        faults.iter().filter(|f| f.message.starts_with("nobody reads")).map(|f| f.path.as_str()).collect();
    assert_eq!(unread, ["actions/pause_campaign.yaml", "leads.sql", "queries/leads/notes.yaml"]);
}

#[tokio::test]
async fn a_file_dropped_into_the_overlay_is_a_tool_and_the_cap_holds() {
    let columns = "[{name: n, type: count}, {name: part, type: number}]";
    let (root, catalogue) =
        overlay(&[("analyst_numbers", file("analyst_numbers", USUAL, columns, "[n]", NUMBERS))]);
    let desk = Desk::new(catalogue).await;
    let result = desk.ask_as(&desk.world.viewer, "analyst_numbers", json!({})).await.unwrap();
    assert_eq!((result.rows.len(), result.total_rows, result.truncated), (5, 1000, true));
    assert_eq!(result.totals["n"], Cell::Decimal(500_500.into()), "totals are over all rows");
    assert_eq!(result.rows[0], [Cell::Int(1), Cell::Decimal("0.333333333333".parse().unwrap())]);
    assert!(desk.catalogue.tools(&desk.world.viewer).iter().any(|t| t.name == "analyst_numbers"));
    assert!(desk.catalogue.check_all(&desk.world.db).await.iter().all(|f| !f.path.contains("analyst")));
    std::fs::remove_dir_all(root).unwrap();
}

#[tokio::test]
async fn a_file_that_lies_about_its_columns_is_found() {
    let columns = "[{name: n, type: date}, {name: share, type: number}]";
    let (_, catalogue) = overlay(&[
        ("wrong_names", file("wrong_names", USUAL, columns, "[]", NUMBERS)),
        (
            "wrong_type",
            file("wrong_type", USUAL, "[{name: n, type: date}, {name: part, type: number}]", "[]", NUMBERS),
        ),
        (
            "wrong_column",
            file(
                "wrong_column",
                USUAL,
                "[{name: x, type: text}]",
                "[]",
                "select c.no_such as x from facts.campaigns c order by x",
            ),
        ),
        (
            "personal",
            file(
                "personal",
                USUAL,
                "[{name: x, type: text}]",
                "[]",
                "select c.email_hash as x from facts.customers c order by x",
            ),
        ),
    ]);
    let world = World::new().await;
    let found: Vec<String> = catalogue
        .check_all(&world.db)
        .await
        .iter()
        .filter(|f| f.path.contains("wrong") || f.path.contains("personal"))
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(found.join("\n"), @"
    tools/queries/overview/personal.sql: PostgreSQL refuses the SELECT: column c.email_hash does not exist
    tools/queries/overview/wrong_column.sql: PostgreSQL refuses the SELECT: column c.no_such does not exist
    tools/queries/overview/wrong_names.sql: the SELECT gives the columns n, part but the file declares n, share
    tools/queries/overview/wrong_type.sql: column 'n' is int4 in the SELECT but declared date; cast it or correct the type
    ");
}

#[tokio::test]
async fn a_slow_query_is_cut_with_a_clear_message() {
    let sql = "select count(*) as n from generate_series(1, 100000000) as a where a % 7 = 3 order by n";
    let head = USUAL.replace("timeout_ms: 3000", "timeout_ms: 100");
    let (_, catalogue) = overlay(&[("slow", file("slow", &head, "[{name: n, type: count}]", "[]", sql))]);
    let desk = Desk::new(catalogue).await;
    let error = desk.ask("slow", json!({})).await.unwrap_err();
    assert_eq!(error.code(), "query.timeout");
    assert_eq!(error.to_string(), "slow was cut after 0.1 s; take a narrower window or a filter");
}

#[tokio::test]
async fn a_failure_tells_no_sql() {
    let sql = "select (:q || 'secret')::integer as n order by n";
    let head = USUAL.replace("params: {}", "params: {q: {type: text, default: abc}}");
    let (_, catalogue) = overlay(&[("broken", file("broken", &head, "[{name: n, type: count}]", "[]", sql))]);
    let desk = Desk::new(catalogue).await;
    let error = desk.ask("broken", json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "broken failed; the cause is in the server's log");
}
