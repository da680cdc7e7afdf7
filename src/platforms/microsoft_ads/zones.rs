//! Time zones in Microsoft's words, which reports are told, and in the world's.
use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

/// A word of reports (`ReportTimeZone` of the API v13, all of them) and a zone that keeps the same time; of several places, one
/// that the word names or stands for.
const ZONES: &[(&str, &str)] = &[
    ("AbuDhabiMuscat", "Asia/Dubai"),
    ("Adelaide", "Australia/Adelaide"),
    ("Alaska", "America/Anchorage"),
    ("AlmatyNovosibirsk", "Asia/Novosibirsk"),
    ("AmsterdamBerlinBernRomeStockholmVienna", "Europe/Berlin"),
    ("Arizona", "America/Phoenix"),
    ("AstanaDhaka", "Asia/Dhaka"),
    ("AthensIslandanbulMinsk", "Europe/Athens"),
    ("AtlanticTimeCanada", "America/Halifax"),
    ("AucklandWellington", "Pacific/Auckland"),
    ("Azores", "Atlantic/Azores"),
    ("Baghdad", "Asia/Baghdad"),
    ("BakuTbilisiYerevan", "Asia/Baku"),
    ("BangkokHanoiJakarta", "Asia/Bangkok"),
    ("BeijingChongqingHongKongUrumqi", "Asia/Shanghai"),
    ("BelgradeBratislavaBudapestLjubljanaPrague", "Europe/Budapest"),
    ("BogotaLimaQuito", "America/Bogota"),
    ("Brasilia", "America/Sao_Paulo"),
    ("Brisbane", "Australia/Brisbane"),
    ("BrusselsCopenhagenMadridParis", "Europe/Paris"),
    ("Bucharest", "Europe/Bucharest"),
    ("BuenosAiresGeorgetown", "America/Argentina/Buenos_Aires"),
    ("Cairo", "Africa/Cairo"),
    ("CanberraMelbourneSydney", "Australia/Sydney"),
    ("CapeVerdeIsland", "Atlantic/Cape_Verde"),
    ("CaracasLaPaz", "America/Caracas"),
    ("CasablancaMonrovia", "Africa/Casablanca"),
    ("CentralAmerica", "America/Guatemala"),
    ("CentralTimeUSCanada", "America/Chicago"),
    ("ChennaiKolkataMumbaiNewDelhi", "Asia/Kolkata"),
    ("ChihuahuaLaPazMazatlan", "America/Mazatlan"),
    ("Darwin", "Australia/Darwin"),
    ("EasternTimeUSCanada", "America/New_York"),
    ("Ekaterinburg", "Asia/Yekaterinburg"),
    ("FijiKamchatkaMarshallIsland", "Pacific/Fiji"),
    ("Greenland", "America/Nuuk"),
    ("GreenwichMeanTimeDublinEdinburghLisbonLondon", "Europe/London"),
    ("GuadalajaraMexicoCityMonterrey", "America/Mexico_City"),
    ("GuamPortMoresby", "Pacific/Guam"),
    ("HararePretoria", "Africa/Johannesburg"),
    ("Hawaii", "Pacific/Honolulu"),
    ("HelsinkiKyivRigaSofiaTallinnVilnius", "Europe/Helsinki"),
    ("Hobart", "Australia/Hobart"),
    ("IndianaEast", "America/Indiana/Indianapolis"),
    ("InternationalDateLineWest", "Etc/GMT+12"),
    ("IrkutskUlaanBataar", "Asia/Irkutsk"),
    ("IslandamabadKarachiTashkent", "Asia/Karachi"),
    ("Jerusalem", "Asia/Jerusalem"),
    ("Kabul", "Asia/Kabul"),
    ("Kathmandu", "Asia/Kathmandu"),
    ("Krasnoyarsk", "Asia/Krasnoyarsk"),
    ("KualaLumpurSingapore", "Asia/Singapore"),
    ("KuwaitRiyadh", "Asia/Riyadh"),
    ("MagadanSolomonIslandNewCaledonia", "Asia/Magadan"),
    ("MidAtlantic", "Atlantic/South_Georgia"),
    ("MidwayIslandandSamoa", "Pacific/Pago_Pago"),
    ("MoscowStPetersburgVolgograd", "Europe/Moscow"),
    ("MountainTimeUSCanada", "America/Denver"),
    ("Nairobi", "Africa/Nairobi"),
    ("Newfoundland", "America/St_Johns"),
    ("Nukualofa", "Pacific/Tongatapu"),
    ("OsakaSapporoTokyo", "Asia/Tokyo"),
    ("PacificTimeUSCanadaTijuana", "America/Los_Angeles"),
    ("Perth", "Australia/Perth"),
    ("Rangoon", "Asia/Yangon"),
    ("Santiago", "America/Santiago"),
    ("SarajevoSkopjeWarsawZagreb", "Europe/Warsaw"),
    ("Saskatchewan", "America/Regina"),
    ("Seoul", "Asia/Seoul"),
    ("SriJayawardenepura", "Asia/Colombo"),
    ("Taipei", "Asia/Taipei"),
    ("Tehran", "Asia/Tehran"),
    ("Vladivostok", "Asia/Vladivostok"),
    ("WestCentralAfrica", "Africa/Lagos"),
    ("Yakutsk", "Asia/Yakutsk"),
];

/// Accounts (`TimeZoneType`) spell these otherwise than reports do.
const SPELT: &[(&str, &str)] =
    &[("AthensBuckarestIstanbul", "Europe/Athens"), ("IslamabadKarachiTashkent", "Asia/Karachi")];

/// The zone of a word of Microsoft's. Its services differ in capitals (`MidwayIslandAndSamoa`) and set underscores
/// (`Almaty_Novosibirsk`) here and there.
pub fn iana(word: &str) -> Option<&'static str> {
    let word = word.replace('_', "");
    let own = ZONES.iter().chain(SPELT).find(|(own, _)| own.eq_ignore_ascii_case(&word));
    own.map(|(_, zone)| *zone)
}

/// The word for a zone: its own, else that of a zone with the same winter and the same summer in the year of `now`.
pub fn word(zone: &TimeZone, now: Timestamp) -> Option<&'static str> {
    let name = zone.iana_name().unwrap_or_default();
    if let Some((word, _)) = ZONES.iter().find(|(_, own)| *own == name) {
        return Some(word);
    }
    let year = now.to_zoned(zone.clone()).year();
    let of = |zone: &TimeZone| {
        let noon = |month| date(year, month, 1).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok();
        let offset = |month| noon(month).map(|at| zone.to_offset(at.timestamp()));
        // The weeks around a change tell zones apart that change at other times of the year.
        [1, 4, 7, 10, 11].map(offset)
    };
    let wanted = of(zone);
    let same = |own: &&(&str, &str)| TimeZone::get(own.1).is_ok_and(|own| of(&own) == wanted);
    ZONES.iter().find(same).map(|(word, _)| *word)
}

#[cfg(test)]
mod tests;
