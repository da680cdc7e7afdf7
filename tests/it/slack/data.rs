//! "Show data": the rows behind an answer, for whoever clicked and may see them.
use super::desk::whisper;
use super::told::{answered, shown};
use super::workspace::Workspace;
use crate::drafts::account::sql;
use adjutant::fake_slack::{Message, Transport};

/// The label of the button under an answer.
fn button(answer: &Message) -> String {
    let elements = answer.blocks.iter().filter_map(|b| b["elements"].as_array()).flatten();
    let mut labels = elements.filter_map(|e| e["text"]["text"].as_str());
    labels.find(|label| label.starts_with("Show data")).expect("a button").to_owned()
}

/// An answer in #marketing, with its rows stored as so many copies of the first where that is said.
async fn answer(rows: Option<u32>) -> (Workspace, Message) {
    let w = Workspace::new(Transport::Http).await;
    let ts = w.fake.mention("mara", "marketing", "find_waste 30").unwrap();
    let answer = answered(&w, "marketing", &ts).await.pop().unwrap();
    shown(&w).await;
    if let Some(rows) = rows {
        let many = format!(
            "update query_results set meta = jsonb_set(meta, '{{total_rows}}', '{rows}'),
                    rows = (select jsonb_agg(one) from (select rows -> 0 as one from generate_series(1, {rows})) many)
              where org_id = ORG"
        );
        sql(&mut w.world.superuser().await, w.world.org, &many).await;
    }
    (w, answer)
}

fn tables(message: &Message) -> Vec<usize> {
    let tables = message.blocks.iter().filter(|b| b["type"] == "data_table");
    tables.map(|b| b["rows"].as_array().unwrap().len()).collect()
}

#[tokio::test]
async fn few_rows_are_a_table_that_only_who_clicked_sees() {
    let (w, answer) = answer(None).await;
    w.fake.click("aron", &answer, &button(&answer)).unwrap();
    let table = whisper(&w, "aron", "rows").await;
    assert_eq!(tables(&table).len(), 1);
    assert!(table.all_text().contains("Prospecting cold"), "{}", table.all_text());
    let with_table = w.fake.read(|ws| ws.messages.iter().filter(|m| !tables(m).is_empty()).count());
    assert_eq!(with_table, 1);
    assert!(w.fake.read(|ws| ws.files.is_empty()));
}

#[tokio::test]
async fn many_rows_are_a_file_in_the_conversation_of_who_clicked() {
    let (w, answer) = answer(Some(150)).await;
    w.fake.click("mara", &answer, &button(&answer)).unwrap();
    whisper(&w, "mara", "as a file in our direct conversation").await;
    let file = w.until("the file", |ws| ws.files.values().find(|f| !f.shared.is_empty()).cloned()).await;
    let places: Vec<&str> = file.shared.iter().map(|place| place.0.as_str()).collect();
    assert_eq!(places, [w.dm("mara")], "nobody else is shown it");
    assert!(file.name.ends_with(".csv"), "{}", file.name);
    let bytes = file.bytes.unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert_eq!(text.lines().count(), 151, "a heading and every row");
    assert_eq!(text.matches("Prospecting cold").count(), 150);
    assert!(w.fake.read(|ws| ws.messages.iter().all(|m| tables(m).is_empty())));
}

#[tokio::test]
async fn who_may_take_no_file_away_sees_the_first_rows() {
    let (w, answer) = answer(Some(150)).await;
    w.fake.click("vito", &answer, &button(&answer)).unwrap();
    let table = whisper(&w, "vito", "50 of 150 rows").await;
    assert_eq!(tables(&table), [51], "a heading and fifty rows");
    assert!(w.fake.read(|ws| ws.files.is_empty()));
}

#[tokio::test]
async fn the_rows_of_a_private_answer_are_for_who_asked() {
    let w = Workspace::new(Transport::Http).await;
    w.fake.command("mara", "marketing", "/find_waste", "30").unwrap();
    let private = w.said("marketing", "Prospecting cold").await;
    shown(&w).await;
    assert_eq!(private.ephemeral_to.as_deref(), Some("U0MARA"));
    w.fake.click("aron", &private, &button(&private)).unwrap();
    let refused = whisper(&w, "aron", "Only who asked can do this").await;
    assert!(tables(&refused).is_empty());
    w.fake.click("mara", &private, &button(&private)).unwrap();
    w.until("her table", |ws| {
        let hers = |m: &&Message| m.ephemeral_to.as_deref() == Some("U0MARA") && !tables(m).is_empty();
        ws.messages.iter().find(hers).map(drop)
    })
    .await;
}
