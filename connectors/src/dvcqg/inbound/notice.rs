//! The XML of tax notices: `ROW_LIST` by dossier, `LIST` by decision. No document type, no entities but the five of XML
//! itself, nothing is ever fetched: known clients read it without such care (contract 10.20).

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, Event},
};

/// Deeper than any notice.
const DEPTH: usize = 16;
/// More rows than any file of a province has.
const ROWS: usize = 20_000;

/// A decision, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) tax_code: String,
    pub(super) decision: String,
    pub(super) decided: String,
    pub(super) amount: String,
    pub(super) sub_item: String,
}

/// A dossier's code, and its rows.
pub(super) type Dossier = (String, Vec<Row>);

/// All dossiers of a file in its order, each once. An error: why it is not read.
pub(super) fn read(xml: &[u8]) -> Result<Vec<Dossier>, String> {
    let text = std::str::from_utf8(xml).map_err(|_| "không phải UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut file = File::default();
    loop {
        let place = reader.buffer_position();
        match reader.read_event().map_err(|error| format!("byte {place}: {error}"))? {
            Event::Start(tag) => file.open(tag.local_name().as_ref())?,
            Event::End(_) => file.close()?,
            Event::Empty(tag) => {
                file.open(tag.local_name().as_ref())?;
                file.close()?;
            }
            Event::Text(text) => file.text.push_str(&text.xml10_content()),
            Event::CData(text) => file.text.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => file.text.push_str(&resolved(&entity)?),
            Event::DocType(_) => return Err("có DOCTYPE: không được phép".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof if file.path.is_empty() => return Ok(file.dossiers),
            Event::Eof => return Err("dừng giữa chừng".to_owned()),
        }
    }
}

fn resolved(entity: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = entity.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name: &str = entity;
    let text = resolve_predefined_entity(name).map(str::to_owned);
    text.ok_or_else(|| format!("thực thể &{name}; không được phép"))
}

/// What was read so far.
#[derive(Default)]
struct File {
    path: Vec<String>,
    text: String,
    code: String,
    rows: Vec<Row>,
    row: Row,
    count: usize,
    dossiers: Vec<Dossier>,
}

impl File {
    fn open(&mut self, name: &str) -> Result<(), String> {
        if self.path.len() >= DEPTH {
            return Err(format!("sâu hơn {DEPTH} cấp"));
        }
        self.text.clear();
        match name {
            "ROW_LIST" => (self.code, self.rows) = (String::new(), Vec::new()),
            "LIST" => self.row = Row::default(),
            _ => {}
        }
        self.path.push(name.to_owned());
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(name) = self.path.pop() else { return Err("thẻ đóng thừa".to_owned()) };
        let text = super::fields::clean(&self.text);
        self.text.clear();
        match (self.path.last().map_or("", String::as_str), name.as_str()) {
            ("ROW_LIST", "MA_HSO") => self.code = text,
            ("LIST", "MA_SO_THUE") => self.row.tax_code = text,
            ("LIST", "SO_QUYET_DINH") => self.row.decision = text,
            ("LIST", "NGAY_QUYET_DINH") => self.row.decided = text,
            ("LIST", "SO_TIEN") => self.row.amount = text,
            ("LIST", "TEN_TIEU_MUC") => self.row.sub_item = text,
            ("ROW_LIST", "LIST") => {
                self.count += 1;
                if self.count > ROWS {
                    return Err(format!("hơn {ROWS} dòng"));
                }
                self.rows.push(std::mem::take(&mut self.row));
            }
            (_, "ROW_LIST") => {
                let (code, rows) = (std::mem::take(&mut self.code), std::mem::take(&mut self.rows));
                match self.dossiers.iter_mut().find(|(known, _)| *known == code) {
                    Some((_, known)) => known.extend(rows),
                    None => self.dossiers.push((code, rows)),
                }
            }
            _ => {}
        }
        Ok(())
    }
}
