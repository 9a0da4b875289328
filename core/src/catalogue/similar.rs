//! How much two Vietnamese names are alike, for suggestions that a person confirms: words by how rare they are, diacritics
//! weighed and not required, order counted. Never decides anything by itself.

use std::collections::BTreeMap;

/// What a word is worth that is the same but for its diacritics, in thousandths.
const FOLDED: f64 = 0.7;
/// How much of the likeness the order of the words decides.
const ORDER: f64 = 0.2;
/// Less is no suggestion.
const LEAST: u16 = 350;

/// A suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The code.
    pub code: String,
    /// The name.
    pub name: String,
    /// How alike, 0 to 1000.
    pub score: u16,
}

/// What names are compared with.
pub struct Candidates {
    all: Vec<(String, String, Vec<Word>)>,
    /// In how many names a word stands, folded.
    spread: BTreeMap<String, usize>,
}

#[derive(Debug, Clone, PartialEq)]
struct Word {
    exact: String,
    folded: String,
}

/// The letters with all their diacritics, each group under its bare one.
const LETTERS: [(char, &str); 7] = [
    ('a', "áàảãạăắằẳẵặâấầẩẫậ"),
    ('d', "đ"),
    ('e', "éèẻẽẹêếềểễệ"),
    ('i', "íìỉĩị"),
    ('o', "óòỏõọôốồổỗộơớờởỡợ"),
    ('u', "úùủũụưứừửữự"),
    ('y', "ýỳỷỹỵ"),
];

/// Without diacritics, in lower case; composed and combining forms alike.
pub fn folded(text: &str) -> String {
    let bare = |c: char| LETTERS.iter().find(|(_, marked)| marked.contains(c)).map_or(c, |(bare, _)| *bare);
    let is_mark = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    text.chars().flat_map(char::to_lowercase).filter(|c| !is_mark(c)).map(bare).collect()
}

fn words(text: &str) -> Vec<Word> {
    let is_apart = |c: char| !c.is_alphanumeric() && !('\u{300}'..='\u{36f}').contains(&c);
    let words = text.split(is_apart).filter(|word| !word.is_empty());
    words.map(|word| Word { exact: word.to_lowercase(), folded: folded(word) }).collect()
}

impl Candidates {
    /// Codes with their names.
    pub fn new(all: impl IntoIterator<Item = (String, String)>) -> Self {
        let all: Vec<_> = all
            .into_iter()
            .map(|(code, name)| {
                let words = words(&name);
                (code, name, words)
            })
            .collect();
        let mut spread = BTreeMap::new();
        for (_, _, words) in &all {
            let mut once: Vec<&str> = words.iter().map(|w| w.folded.as_str()).collect();
            once.sort_unstable();
            once.dedup();
            for word in once {
                *spread.entry(word.to_owned()).or_insert(0) += 1;
            }
        }
        Self { all, spread }
    }

    /// Those most like this name, the best first. A code that is part of ours is a hint that names alone do not give.
    pub fn like(&self, code: &str, name: &str, most: usize) -> Vec<Suggestion> {
        let wanted = words(name);
        let mut found: Vec<Suggestion> = self
            .all
            .iter()
            .filter_map(|(national, called, theirs)| {
                let is_in_code = national.len() > 3 && code.contains(national.as_str());
                let score = self.likeness(&wanted, theirs).max(if is_in_code { 990 } else { 0 });
                (score >= LEAST).then(|| Suggestion { code: national.clone(), name: called.clone(), score })
            })
            .collect();
        found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.code.cmp(&b.code)));
        found.truncate(most);
        found
    }

    /// What a word says: the rarer the more.
    fn weight(&self, word: &Word) -> f64 {
        let times = self.spread.get(&word.folded).copied().unwrap_or(0);
        (1.0 + self.all.len() as f64 / (times as f64 + 1.0)).ln()
    }

    fn likeness(&self, ours: &[Word], theirs: &[Word]) -> u16 {
        let total = |words: &[Word]| words.iter().map(|w| self.weight(w)).sum::<f64>();
        let whole = total(ours) + total(theirs);
        if whole <= 0.0 {
            return 0;
        }
        let mut used = vec![false; theirs.len()];
        let mut partner = vec![None; ours.len()];
        let mut common = 0.0;
        // The same words first: one that is alike but for its diacritics must not take another one's place.
        for is_exact in [true, false] {
            for (mine, slot) in ours.iter().zip(&mut partner).filter(|(_, slot)| slot.is_none()) {
                let is_it = |word: &Word| {
                    if is_exact { word.exact == mine.exact } else { word.folded == mine.folded }
                };
                let found = theirs.iter().zip(&used).position(|(word, used)| !used && is_it(word));
                if let Some(at) = found {
                    used[at] = true;
                    *slot = Some(at);
                    common += 2.0 * self.weight(mine) * if is_exact { 1.0 } else { FOLDED };
                }
            }
        }
        let places: Vec<usize> = partner.into_iter().flatten().collect();
        let in_order = if places.is_empty() { 0.0 } else { rising(&places) as f64 / places.len() as f64 };
        let likeness = (common / whole) * (1.0 - ORDER + ORDER * in_order);
        (likeness * 1000.0).round().clamp(0.0, 1000.0) as u16
    }
}

/// The length of the longest rising subsequence.
fn rising(places: &[usize]) -> usize {
    let mut tails: Vec<usize> = Vec::new();
    for &place in places {
        let at = tails.partition_point(|tail| *tail < place);
        if let Some(tail) = tails.get_mut(at) {
            *tail = place;
        } else {
            tails.push(place);
        }
    }
    tails.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&str, &str); 8] = [
        ("1.001193", "Thủ tục đăng ký khai sinh"),
        ("1.000894", "Thủ tục đăng ký kết hôn"),
        ("1.000656", "Thủ tục đăng ký khai tử"),
        ("1.004746", "Thủ tục đăng ký lại kết hôn"),
        ("2.000635", "Cấp bản sao trích lục hộ tịch"),
        ("1.004227", "Đăng ký biến động quyền sử dụng đất"),
        ("9.000001", "Cấp lại bản chính và cấp mới bản sao"),
        ("9.000002", "Cấp mới bản chính và cấp lại bản sao"),
    ];

    fn candidates() -> Candidates {
        Candidates::new(NAMES.map(|(code, name)| (code.to_owned(), name.to_owned())))
    }

    fn best(name: &str) -> Suggestion {
        candidates().like("", name, 1).remove(0)
    }

    #[test]
    fn the_same_name_is_a_thousand_whatever_the_case() {
        assert_eq!(best("THỦ TỤC ĐĂNG KÝ KHAI SINH"), best("Thủ tục đăng ký khai sinh"));
        assert_eq!(
            (best("Thủ tục đăng ký khai sinh").code.as_str(), best("Thủ tục đăng ký khai sinh").score),
            ("1.001193", 1000)
        );
    }

    #[test]
    fn a_name_without_diacritics_is_found_but_worth_less() {
        let bare = best("Thu tuc dang ky khai sinh");
        assert_eq!(bare.code, "1.001193");
        assert!((600..1000).contains(&bare.score), "{}", bare.score);
        // Combining marks are the same letters.
        assert_eq!(folded("Tha\u{309}o Đường"), "thao duong");
    }

    #[test]
    fn diacritics_tell_words_apart() {
        // Tử and tu, sinh and sính: the exact one wins.
        let found = candidates().like("", "Đăng ký khai tử", 2);
        assert_eq!(found[0].code, "1.000656");
        assert!(found[0].score > found[1].score, "{found:?}");
    }

    #[test]
    fn the_order_of_words_counts() {
        let found = candidates().like("", "Cấp lại bản chính và cấp mới bản sao", 2);
        assert_eq!((found[0].code.as_str(), found[0].score), ("9.000001", 1000));
        assert_eq!(found[1].code, "9.000002");
        assert!(found[1].score < 1000, "{found:?}");
    }

    #[test]
    fn rare_words_say_more_than_common_ones() {
        let found = candidates().like("", "Thủ tục đăng ký đất", 3);
        assert_ne!(found[0].score, 1000);
        let birth = candidates().like("", "khai sinh", 1);
        assert_eq!(birth[0].code, "1.001193");
    }

    #[test]
    fn nothing_alike_is_no_suggestion_and_a_code_within_ours_is_one() {
        assert_eq!(candidates().like("", "Nuôi trồng thủy sản", 3), []);
        assert_eq!(candidates().like("TT-1.004227-XA", "Nuôi trồng thủy sản", 3)[0].code, "1.004227");
    }
}
