use super::*;

#[test]
fn binds_are_found_and_lookalikes_are_not() {
    let sql = "select ':no', \":no\", a::text, x -- :no\n/* :no */ $q$ :no $q$ from t where d >= :window_start and e = :e1 and f = :e1 and g = 'it''s :no'";
    assert_eq!(names(sql), ["window_start", "e1"]);
}

#[test]
fn each_name_is_one_typed_number() {
    let types = [("a".to_owned(), "date"), ("b".to_owned(), "text")].into();
    let (sql, order) = numbered("select :b, :a, :b::text", &types).unwrap();
    assert_eq!(sql, "select $1::text, $2::date, $1::text::text");
    assert_eq!(order, ["b", "a"]);
    assert_eq!(numbered("select :c", &types), Err("c".to_owned()));
}

#[test]
fn hostile_text_does_not_panic() {
    for sql in ["'", "\"", "/*", "--", "$", "$$", "$a$", ":", "::", ":é", "é:a'ü", "select '$x$' || :a"] {
        let _ = names(sql);
    }
    assert_eq!(names("select '$x$' || :a"), ["a"]);
}
