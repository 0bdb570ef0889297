//! Texts of the service in a page of plain text: no character may drive a terminal or turn the direction of a line.

use monitor_core::verdict::is_hostile;

/// The text with `?` for each character that could drive a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if is_hostile(c) { '?' } else { c })
        .collect()
}

/// The same as one cell of a table: no blanks either, which stand as `_`, and `?` for an empty text.
pub(super) fn cell(text: &str) -> String {
    if text.is_empty() {
        return "?".to_owned();
    }
    plain(text)
        .chars()
        .map(|c| if c.is_whitespace() { '_' } else { c })
        .collect()
}

/// The text, or its beginning and `~` where it has more characters than this.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let begin = text.chars().take(most.saturating_sub(1));
    begin.chain((most > 0).then_some('~')).collect()
}

#[cfg(test)]
mod tests {
    use monitor_core::verdict::wrapped;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_drives_a_terminal_is_shown_as_question_marks() {
        assert_eq!(plain("a\x1b[2J\n\u{9b}\x7f\u{202e}b"), "a?[2J????b");
        assert_eq!(cell("look up\tµ"), "look_up?µ");
        assert_eq!(cell(""), "?");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab~");
        assert_eq!(cut("äöü", 2), "ä~");
        assert_eq!(cut("ab", 0), "");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(text in ".{0,200}", cols in 1_usize..50) {
            prop_assert!(cut(&text, cols).chars().count() <= cols);
            let text = plain(&text);
            let lines = wrapped(&text, cols);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= cols), "{lines:?}");
            let words: String = text.split_whitespace().collect();
            let kept: String = lines.iter().flat_map(|line| line.split_whitespace()).collect();
            prop_assert_eq!(kept, words);
        }
    }
}
