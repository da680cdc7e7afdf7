use super::*;
use std::io::Write as _;

fn headers(media: Option<&'static str>, encoding: Option<&'static str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [(header::CONTENT_TYPE, media), (header::CONTENT_ENCODING, encoding)] {
        if let Some(value) = value {
            headers.insert(name, value.parse().unwrap());
        }
    }
    headers
}

fn texts(body: &str, form: Form) -> Vec<String> {
    split(body.as_bytes(), form).unwrap().into_iter().map(|item| item.get().to_owned()).collect()
}

fn refused(body: &str, form: Form) -> (String, String) {
    let problem = split(body.as_bytes(), form).unwrap_err();
    (problem.code, problem.detail)
}

#[test]
fn headers_say_how_the_body_is_to_be_read() {
    let ok = |media, encoding| described(&headers(media, encoding)).unwrap();
    assert_eq!(ok(None, None), (Form::Json, Packing::None));
    assert_eq!(ok(Some("application/json; charset=utf-8"), Some("GZIP")), (Form::Json, Packing::Gzip));
    assert_eq!(ok(Some("application/x-ndjson"), Some("zstd")), (Form::Lines, Packing::Zstd));
    let no = |media, encoding| {
        let problem = described(&headers(media, encoding)).unwrap_err();
        (problem.status, problem.code, problem.detail)
    };
    let (status, code, text) = no(None, Some("br"));
    assert_eq!(
        (status, code.as_str(), text.as_str()),
        (415, "batch.encoding", "Content-Encoding 'br' is not supported.")
    );
    assert_eq!(no(Some("text/csv"), None).1, "batch.media_type");
}

#[test]
fn items_are_split_without_being_understood() {
    for body in [
        r#"{"events":[{"a": 1},2,"x"]}"#,
        r#"[{"a": 1},2,"x"]"#,
        r#" {"other":[1],"events":[{"a": 1},2,"x"]} "#,
    ] {
        assert_eq!(texts(body, Form::Json), [r#"{"a": 1}"#, "2", r#""x""#], "{body}");
    }
    assert_eq!(texts("{\"a\":1}\r\n\n  \n[2]", Form::Lines), [r#"{"a":1}"#, "[2]"]);
}

#[test]
fn what_is_no_batch_is_said_with_its_place() {
    let invalid = |body: &str, form| {
        let (code, text) = refused(body, form);
        assert_eq!(code, "batch.invalid_json");
        text
    };
    assert_eq!(
        invalid("{\"events\":[\n{\"a\":}]}", Form::Json),
        "Body is not valid JSON (line 2, column 6)."
    );
    assert_eq!(invalid("{}\n{oops}", Form::Lines), "Body is not valid JSON (line 2, column 2).");
    for body in [
        "",
        "5",
        "\"text\"",
        "{\"events\":5}",
        "{\"events\":[1],\"events\":[2]}",
        "[1]]",
        "{\"events\":[\u{1}]}",
    ] {
        invalid(body, Form::Json);
    }
    for (body, form) in
        [("[]", Form::Json), ("{\"events\":[]}", Form::Json), ("{}", Form::Json), ("\n", Form::Lines)]
    {
        assert_eq!(
            refused(body, form),
            ("batch.empty".into(), "The batch holds no events.".into()),
            "{body}"
        );
    }
}

#[test]
fn a_batch_holds_a_thousand_items_and_no_more() {
    let list = |n: usize| format!("[{}]", vec!["1"; n].join(","));
    assert_eq!(texts(&list(1000), Form::Json).len(), 1000);
    let text = "A batch may hold at most 1000 events; got 1001.";
    assert_eq!(refused(&list(1001), Form::Json), ("batch.too_many".into(), text.into()));
    assert_eq!(refused(&"1\n".repeat(1001), Form::Lines).1, text);
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

#[test]
fn packed_bodies_are_unpacked_up_to_their_limit() {
    let body = br#"[{"a": 1}]"#;
    let zstd = Bytes::from(zstd::encode_all(&body[..], 3).unwrap());
    assert_eq!(unpack(gzip(body), Packing::Gzip).unwrap(), &body[..]);
    assert_eq!(unpack(zstd, Packing::Zstd).unwrap(), &body[..]);
    let huge = vec![b' '; MOST_UNPACKED + 1];
    let bomb = Bytes::from(zstd::encode_all(&huge[..], 3).unwrap());
    for (packed, packing) in [(gzip(&huge), Packing::Gzip), (bomb, Packing::Zstd)] {
        assert!(packed.len() < 100_000);
        let problem = unpack(packed, packing).unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (413, "batch.too_large"));
        assert_eq!(problem.detail, "Decompressed body exceeds 20 MiB.");
    }
    for packing in [Packing::Gzip, Packing::Zstd] {
        assert_eq!(unpack(Bytes::from_static(body), packing).unwrap_err().status, 400);
        let whole = match packing {
            Packing::Gzip => gzip(body),
            Packing::None | Packing::Zstd => Bytes::from(zstd::encode_all(&body[..], 3).unwrap()),
        };
        assert_eq!(unpack(whole.slice(..whole.len() - 3), packing).unwrap_err().code, "batch.encoding");
    }
}
