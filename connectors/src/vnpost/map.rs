//! From a parcel to an order: who sends, who receives, in the post's own codes. Pure: a repeat sends the same bytes.

use lienthong_core::{
    event::data::{Parcel, Party},
    id::{ConnectorId, OrderNumber},
    need::Need,
    outcome::{Cause, Outcome, Refusal},
    parcel::Direction,
    port::connector::Task,
};

use super::{
    config::{Agency, Config, Ward},
    wire::Order,
};

/// One end of the way, complete.
struct End {
    name: String,
    phone: String,
    address: String,
    email: String,
    province: i64,
    district: Option<i64>,
}

impl From<&Agency> for End {
    fn from(agency: &Agency) -> Self {
        Self {
            name: agency.name.clone(),
            phone: agency.phone.clone(),
            address: agency.address.clone(),
            email: agency.email.clone(),
            province: agency.province,
            district: agency.district,
        }
    }
}

/// The order of a parcel, or why it cannot be sent.
pub(super) fn order(
    parcel: &Parcel,
    direction: Direction,
    number: &OrderNumber,
    task: &Task,
    connector: &ConnectorId,
    config: &Config,
) -> Result<Order, Outcome> {
    let agency = End::from(agency(parcel, task, config));
    let (sender, receiver) = match direction {
        Direction::Return => (agency, citizen("recipient", parcel.recipient.as_ref(), connector, config)?),
        Direction::Pickup => (citizen("sender", parcel.sender.as_ref(), connector, config)?, agency),
    };
    Ok(Order {
        CustomerCode: config.customer_code.clone(),
        OrderNumber: number.to_string(),
        CODAmount: parcel.cod_amount.get(),
        SenderProvince: sender.province,
        SenderDistrict: sender.district,
        SenderAddress: sender.address,
        SenderName: sender.name,
        SenderEmail: sender.email,
        SenderTel: sender.phone,
        SenderDesc: parcel.contents.clone(),
        Description: parcel.note.clone(),
        ReceiverName: receiver.name,
        ReceiverAddress: receiver.address,
        ReceiverTel: receiver.phone,
        ReceiverProvince: receiver.province,
        ReceiverDistrict: receiver.district,
        ReceiverEmail: receiver.email,
    })
}

/// The desk that hands it over, else the unit that handles the dossier, else the agency as a whole.
fn agency<'a>(parcel: &Parcel, task: &Task, config: &'a Config) -> &'a Agency {
    let unit = task.dossier.as_ref().and_then(|dossier| dossier.unit());
    let desk = parcel.desk_unit.as_deref().and_then(|desk| config.units.get(desk));
    desk.or_else(|| config.units.get(unit.as_ref()?.as_str())).unwrap_or(&config.sender)
}

fn citizen(
    end: &str,
    party: Option<&Party>,
    connector: &ConnectorId,
    config: &Config,
) -> Result<End, Outcome> {
    let Some(party) = party else { return Err(refused(&format!("parcel.{end}"))) };
    let texts = [("name", &party.name), ("phone", &party.phone), ("address", &party.address)];
    if let Some((field, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(refused(&format!("parcel.{end}.{field}")));
    }
    let (province, district) = place(end, party, connector, config)?;
    Ok(End {
        name: party.name.trim().to_owned(),
        phone: party.phone.trim().to_owned(),
        address: party.address.trim().to_owned(),
        email: party.email.clone().unwrap_or_default(),
        province,
        district,
    })
}

fn place(
    end: &str,
    party: &Party,
    connector: &ConnectorId,
    config: &Config,
) -> Result<(i64, Option<i64>), Outcome> {
    if let Some(Ward { province, district }) = config.wards.get(&party.ward_code) {
        return Ok((*province, Some(*district)));
    }
    let missing = |table: &str, code: &str| {
        let connector = connector.to_string();
        Outcome::Held(Need::Mapping { connector, table: table.into(), code: code.into() })
    };
    if !config.default_district_from_province {
        let is_known = !party.ward_code.is_empty();
        return Err(if is_known {
            missing("ward", &party.ward_code)
        } else {
            refused(&format!("parcel.{end}.ward_code"))
        });
    }
    if party.province_code.is_empty() {
        return Err(refused(&format!("parcel.{end}.province_code")));
    }
    match config.provinces.get(&party.province_code) {
        Some(province) => Ok((*province, None)),
        None => Err(missing("province", &party.province_code)),
    }
}

/// Our own refusal, before anything is sent.
fn refused(field: &str) -> Outcome {
    let said = format!("chưa gửi: thiếu {field}, bưu điện không nhận đơn thiếu trường này");
    let field = Some(field.to_owned());
    Outcome::Refused(Refusal { cause: Cause::DataRefused, code: "local".into(), said, field })
}

/// `address?name=value&…`, percent-encoded; further parameters of the address are kept.
pub(super) fn with_query(address: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = address.to_owned();
    for (name, value) in parameters {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                url.push(char::from(byte));
            } else {
                let digit =
                    |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
                url.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    url
}
