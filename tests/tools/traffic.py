#!/usr/bin/env python3
"""The project's traffic: events of a fictitious province's one-stop system, as docs/events.md describes them.

    traffic.py --dossiers 1000 --seed 7 > events.jsonl             # in time order, one CloudEvent a line
    traffic.py --dossiers 5303 --profile chu-se                    # the mix of fields of a real district
    traffic.py --dossiers 200 --mess 0.02                          # with duplicates, conflicts, gaps and broken lines

Standard library only. The same options give the same bytes. All people are invented; H99 does not exist. Profile `chu-se` has
the proportions that this district published for seven months: 5,303 dossiers received, of which 4,138 processed, 3,190 of
them land and 516 construction. The sample province of `lienthong demo` is `--dossiers 300 --seed 1`.
"""
import argparse, json, random, sys
from datetime import datetime, timedelta, timezone

TZ = timezone(timedelta(hours=7))
# A fictitious province, H99: two departments, two wards, ten communes (two tiers). code, name, source may speak for it
UNITS = [(f"000.00.{i:02d}.H99", n) for i, n in enumerate(
    ["Sở Xây dựng", "Sở Tư pháp", "UBND phường Mẫu Đông", "UBND phường Mẫu Tây"] + [f"UBND xã Mẫu {x}" for x in "An Bình Chánh Định Hòa Lợi Mỹ Phú Tân Thạnh".split()], 1)]
# code, name, field code, field name, group, fee (đồng), working days
PROCEDURES = [
    ("1.004227", "Đăng ký biến động quyền sử dụng đất", "G14-DD01", "Đất đai", "land", 28000, 10),
    ("1.004199", "Cấp đổi giấy chứng nhận quyền sử dụng đất", "G14-DD01", "Đất đai", "land", 50000, 7),
    ("1.009994", "Cấp giấy phép xây dựng nhà ở riêng lẻ", "G18-XD01", "Hoạt động xây dựng", "construction", 75000, 15),
    ("1.001612", "Đăng ký thành lập hộ kinh doanh", "G05-KD01", "Thành lập và hoạt động hộ kinh doanh", "business", 100000, 3),
    ("1.001193", "Đăng ký khai sinh", "G15-TP01", "Hộ tịch", "civil", 0, 1),
    ("1.000894", "Đăng ký kết hôn", "G15-TP01", "Hộ tịch", "civil", 0, 1),
    ("2.000635", "Cấp bản sao trích lục hộ tịch", "G15-TP01", "Hộ tịch", "civil", 8000, 1),
    ("2.000488", "Cấp phiếu lý lịch tư pháp", "G15-TP02", "Lý lịch tư pháp", "justice", 200000, 10),
    ("1.001731", "Hỗ trợ chi phí mai táng", "G09-XH01", "Bảo trợ xã hội", "social", 0, 5),
]
MIX = {"even": {"land": 25, "construction": 10, "business": 15, "civil": 35, "justice": 5, "social": 10},
       "chu-se": {"land": 3190, "construction": 516, "business": 150, "civil": 200, "justice": 22, "social": 60}}
HO = "Nguyễn Trần Lê Phạm Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý".split()
DEM = "Văn Thị Hữu Ngọc Minh Thanh Kim Đức Quốc Thu".split()
TEN = "An Bình Chi Dung Đạt Giang Hà Hải Hạnh Hùng Khánh Lan Linh Long Mai Nam Nga Phong Phúc Quân Sơn Tâm Thảo Trang Tú Uyên Vân Xuân Yến".split()
# Days off beside weekends (fixed dates, and the lunar new year of the years used)
OFF = {"01-01", "04-30", "05-01", "09-02", "09-01"} | {f"2026-02-{d}" for d in range(14, 23)}


def off(t):
    return t.weekday() > 4 or f"{t:%m-%d}" in OFF or f"{t:%Y-%m-%d}" in OFF


def office(t):
    """The next moment in office hours (7:30-11:30, 13:30-17:00) at or after t."""
    while True:
        h = t.hour * 60 + t.minute
        if off(t) or h >= 1020:
            t = (t + timedelta(days=1)).replace(hour=7, minute=30 + t.minute % 25)
        elif h < 450:
            return t.replace(hour=7, minute=30 + t.minute % 25)
        elif 690 <= h < 810:
            return t.replace(hour=13, minute=30 + t.minute % 25)
        else:
            return t


def working_day(t, days):
    while days:
        t += timedelta(days=1)
        if not off(t):
            days -= 1
    return t


def life(r, n, start, mix):
    """Yields (time, name, data) of one dossier's life in event order; the first item is the (subject, unit code) pair."""
    group = r.choices(list(mix), weights=list(mix.values()))[0]
    p = r.choice([x for x in PROCEDURES if x[4] == group])
    unit = UNITS[0] if group == "construction" and r.random() < .3 else UNITS[1] if group == "justice" else r.choice(UNITS[2:])
    t = start
    channel = r.choices(["counter", "online", "post"], [35, 60, 5])[0]
    portal = channel == "online" and r.random() < .9
    local = f"{unit[0]}-{t:%y%m%d}-{n:04d}"
    born = f"G22.99-{t:%y%m%d}-{n:06d}" if portal else None
    keeps = portal and r.random() < .5                      # this one-stop keeps the portal's code, others give their own
    code = born if keeps else local
    yield code, unit[0]
    name = f"{r.choice(HO)} {r.choice(DEM)} {r.choice(TEN)}"
    business = group == "business" and r.random() < .4
    post = r.random() < .25
    iso = lambda x: x.isoformat()
    due = working_day(t, p[6]).replace(hour=17, minute=0, second=0)
    exempt = p[5] and r.random() < .05
    fees = [{"id": f"LP-{p[0]}", "kind": "fee", "code": f"LP-{p[0]}", "name": "Lệ phí", "amount": 0 if exempt else p[5], "collected_on": "reception"}] if p[5] else []
    if exempt:
        fees[0]["exempt"] = {"reason": "Hộ nghèo", "legal_basis": "Nghị quyết mẫu", "full_amount": p[5]}
    dossier = {
        "code": code, **({"portal_code": born} if portal and not keeps else {}),
        "procedure": {"code": p[0], "name": p[1], "field_code": p[2], "field_name": p[3]}, "unit": {"code": unit[0], "name": unit[1]},
        "applicant": {"kind": "business" if business else "citizen", "name": ("Hộ kinh doanh " if business else "") + name,
                      "id": {"kind": "tax_code" if business else "citizen_id", "number": f"{r.randrange(10**9, 10**10)}" if business else f"099{r.randrange(10**8, 10**9)}"},
                      "phone": f"09{r.randrange(10**7, 10**8)}", "email": "", "address": f"Ấp {r.randint(1, 9)}, xã Mẫu",
                      "portal_account": f"tech-{n:06d}" if channel == "online" else "", "vneid_verified": r.random() < .6},
        "channel": channel, "origin": "portal" if portal else "local", "summary": p[1], "note": "", "receipt_no": f"{n:06d}", "lookup_secret": f"{r.randrange(36**4):04X}"[:4],
        "submitted_at": iso(t), "received_at": iso(t), "due_at": iso(due), "return_by": "post" if post else "desk", "fees": fees,
        "documents": [{"id": f"{n}{i}", "name": f"giay-to-{i}.pdf", "component_code": f"GT-{i:02d}", "url": f"https://motcua.example.gov.vn/files/{n}{i}",
                       "deleted": False, "digitised": r.random() < .8, "reused": r.choices(["no", "data", "result"], [70, 20, 10])[0],
                       "from_national_store": r.random() < .1} for i in range(1, r.randint(2, 5))],
        "papers": [], "results": [], "databases": ["7"] if r.random() < .5 else [], "related": []}
    officer = f"{r.choice(HO)} {r.choice(DEM)} {r.choice(TEN)}"
    applicant = dossier["applicant"]

    def step(at, content, dept="Phòng chuyên môn"):
        return {"at": iso(at), "officer": officer, "title": "Chuyên viên", "department": dept, "content": content}

    def later(**k):
        return office(t + timedelta(**k))

    if channel == "online":
        yield t, "dossier.submitted", {"snapshot": "full", "dossier": dossier}
        t = later(minutes=r.randint(5, 240))
        if r.random() < .04:
            yield t, "dossier.rejected", {"step": step(t, "Không đủ thành phần hồ sơ", "Bộ phận một cửa")}
            return
    if channel == "post" and r.random() < .5:
        parcel = {"id": f"TG-{code}-1", "sender": {"name": name, "phone": applicant["phone"], "address": applicant["address"], "province_code": "99", "ward_code": f"990{r.randint(10, 21)}"}, "contents": "Hồ sơ", "note": "", "cod_amount": 0}
        yield t, "post.pickup_requested", {"parcel": parcel}
        if r.random() < .2:
            t = later(minutes=40)
            yield t, "post.cancelled", {"parcel_id": parcel["id"], "reason": "Công dân tự đến nộp"}
        t = later(hours=6)
    yield t, "dossier.received", {"snapshot": "full", "dossier": dict(dossier, received_at=iso(t)), "step": step(t, "Tiếp nhận hồ sơ", "Bộ phận một cửa")}
    paid = False
    if fees and not exempt:
        pid = f"TT-{code}-1"
        payment = {"id": pid, "purpose": "fee", "lines": [{"fee_id": fees[0]["id"], **{k: fees[0][k] for k in ("kind", "code", "name", "amount")}}],
                   "payer": {"name": name, "id_number": applicant["id"]["number"], "address": applicant["address"], "phone": applicant["phone"]},
                   "beneficiary_code": f"KB-{unit[0]}", "description": f"Lệ phí {code}"}
        how = r.random()
        if channel == "counter" and how < .4:
            t = later(minutes=r.randint(1, 20))
            yield t, "fee.paid_at_desk", {"lines": payment["lines"], "amount": p[5], "paid_at": iso(t), "method": "cash", "cashier": officer, "receipt": {"series": "AB/26P", "number": f"{n:07d}", "issued_at": iso(t)}}
            paid = True
        else:
            t = later(minutes=r.randint(1, 30))
            if how > .9:
                yield t, "dossier.fee_requested", {"step": step(t, "Yêu cầu nộp lệ phí", "Bộ phận một cửa"), "payment": payment}
            else:
                yield t, "fee.requested", {"payment": payment}
            if channel == "counter" and how < .6:
                t = later(minutes=r.randint(1, 20))
                yield t, "fee.paid_at_desk", {"payment_id": pid, "amount": p[5], "paid_at": iso(t), "method": "cash", "cashier": officer}
                paid = True
            elif .6 <= how < .62:
                t = later(minutes=30)
                yield t, "fee.cancelled", {"payment_id": pid, "reason": "Nhập nhầm"}
    for i in range(r.randint(1, 4)):
        t = later(hours=r.randint(2, 30))
        yield t, "dossier.processing", {"step": step(t, ["Phân công xử lý", "Thẩm định hồ sơ", "Trình lãnh đạo", "Ký duyệt"][min(i, 3)])}
    if r.random() < .03:
        t = later(hours=2)
        yield t, "dossier.corrected", {"dossier": {"applicant": {"phone": f"09{r.randrange(10**7, 10**8)}"}}}
    k = r.random()
    rounds = 2 if k < .01 else 1 if k < .06 else 0
    for q in range(1, rounds + 1):
        t = later(hours=3)
        sid = f"BS-{code}-{q}"
        yield t, "dossier.supplement_requested", {"step": step(t, "Yêu cầu bổ sung giấy tờ"), "supplement": {
            "id": sid, "seq": q, "requested_by": officer, "content": "Bổ sung bản sao", "requested_at": iso(t), "respond_by": iso(working_day(t, 10)), "due_before": iso(due)}}
        t = later(hours=r.randint(20, 70))
        due = working_day(due, 3)
        extra = {"id": f"{n}9{q}", "name": f"bo-sung-{q}.pdf", "component_code": f"GT-9{q}", "url": f"https://motcua.example.gov.vn/files/{n}9{q}", "deleted": False, "digitised": True, "reused": "no", "from_national_store": False}
        yield t, "dossier.supplemented", {"dossier": {"due_at": iso(due), "documents": [extra]}, "step": step(t, "Đã nhận bổ sung", "Bộ phận một cửa"),
                                          "supplement": {"id": sid, "received_by": officer, "received_at": iso(t), "note": "", "documents": [extra], "fees": [], "due_after": iso(due)}}
    if .06 <= k < .08:
        t = later(hours=4)
        yield t, "dossier.withdrawn", {"step": step(t, "Công dân xin rút hồ sơ")}
        if paid and r.random() < .5:
            yield later(hours=1), "fee.refund_requested", {"payment_id": f"TT-{code}-1", "amount": p[5], "reason": "Rút hồ sơ", "account": {"bank_code": "VCB", "number": "0011001234567", "holder": name}}
        return
    if .08 <= k < .09:
        t = later(hours=4)
        yield t, "dossier.stopped", {"step": step(t, "Dừng giải quyết do tranh chấp")}
        return
    if .09 <= k < .11:
        t = later(hours=4)
        yield t, "dossier.paused", {"step": step(t, "Chờ thông báo thuế"), "reason": "tax"}
        t = later(hours=r.randint(20, 60))
        yield t, "dossier.resumed", {"step": step(t, "Đã nộp nghĩa vụ tài chính")}
    if .11 <= k < .13:
        t = later(hours=2)
        new = working_day(due, 5)
        yield t, "dossier.extended", {"dossier": {"due_at": iso(new)}, "step": step(t, "Gia hạn và xin lỗi"), "due_original": iso(due), "due_new": iso(new), "reason": "Cần xác minh",
                                      "apology": {"number": f"{n}/XL", "signed_at": iso(t), "signer": officer, "url": f"https://motcua.example.gov.vn/apology/{n}"}, "nth": 1}
        due = new
    t = later(hours=r.randint(1, 20))
    result = {"id": f"KQ{n}", "name": "Giấy kết quả", "number": f"{n}/GKQ", "issued_at": iso(t), "code": f"KQ-{p[0]}", "component_code": "", "url": f"https://motcua.example.gov.vn/results/{n}", "signed": True, "in_citizen_store": False}
    yield t, "dossier.finished", {"dossier": {"finished_at": iso(t), "results": [result]}, "step": step(t, "Đã có kết quả")}
    if r.random() < .005:
        t = later(hours=3)
        yield t, "dossier.reopened", {"step": step(t, "Thu hồi kết quả do sai sót"), "undoes": "finished", "status": 4, "reason": "Sai thông tin"}
        t = later(hours=5)
        yield t, "dossier.finished", {"dossier": {"finished_at": iso(t), "results": [dict(result, url=result["url"] + "b")]}, "step": step(t, "Đã có kết quả, cấp lại")}
    if post:
        t = later(minutes=30)
        yield t, "post.return_requested", {"parcel": {
            "id": f"BG-{code}-1", "recipient": {"name": name, "phone": applicant["phone"], "address": applicant["address"], "province_code": "99", "ward_code": f"990{r.randint(10, 21)}"},
            "contents": "01 giấy kết quả", "note": "", "cod_amount": 0}}
        t = later(days=2)
    t = later(hours=r.randint(1, 30))
    yield t, "dossier.returned", {"dossier": {"returned_at": iso(t)}, "step": step(t, "Đã trả kết quả", "Bộ phận một cửa")}
    if r.random() < .3:
        t = t + timedelta(hours=1)
        yield t, "survey.answered", {"question_id": "Q1", "question": "Ông/bà có hài lòng không?", "score": r.choices([1, 2, 3, 4, 5], [1, 1, 8, 30, 60])[0], "comment": "", "unit": unit[0]}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--dossiers", type=int, default=100)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--profile", choices=MIX, default="even")
    a.add_argument("--from-day", default="2026-01-05")
    a.add_argument("--days", type=int, default=60)
    a.add_argument("--mess", type=float, default=0.0, help="share of events that get a duplicate, a conflict, a gap or a broken copy")
    o = a.parse_args()
    r = random.Random(o.seed)
    day0 = datetime.fromisoformat(o.from_day).replace(tzinfo=TZ)
    events = []
    for n in range(1, o.dossiers + 1):
        start = office(working_day(day0 + timedelta(days=r.randrange(o.days)), 1).replace(hour=r.randint(7, 16), minute=r.randrange(60), second=r.randrange(60)))
        it = life(r, n, start, MIX[o.profile])
        code, unit = next(it)
        for i, (t, name, data) in enumerate(it, 1):
            events.append((t, n, i, {"specversion": "1.0", "id": f"{code}-{i}", "source": f"/motcua/{unit}", "type": f"vn.motcua.{name}.v1", "subject": code,
                                     "time": t.isoformat(), "sequence": str(i), "datacontenttype": "application/json", "data": data}))
    events.sort(key=lambda e: (e[0], e[1], e[2]))
    out = sys.stdout
    for *_, e in events:
        line = json.dumps(e, ensure_ascii=False)
        if r.random() < o.mess:
            kind = r.choice(["duplicate", "conflict", "gap", "no-subject", "not-json", "bad-amount", "unknown-type"])
            if kind == "gap":
                continue
            if kind == "conflict":
                line += "\n" + json.dumps(dict(e, data=dict(e["data"], note="changed")), ensure_ascii=False)
            elif kind == "duplicate":
                line += "\n" + line
            elif kind == "no-subject":
                line += "\n" + json.dumps({k: v for k, v in dict(e, id=e["id"] + "-x").items() if k != "subject"}, ensure_ascii=False)
            elif kind == "not-json":
                line += "\n" + '{"specversion": "1.0", "id": '
            elif kind == "bad-amount":
                line += "\n" + json.dumps(dict(e, id=e["id"] + "-y", type="vn.motcua.fee.requested.v1", data={"payment": {"id": "x", "lines": [{"kind": "fee", "code": "", "name": "", "amount": 12.5}]}}), ensure_ascii=False)
            elif kind == "unknown-type":
                line += "\n" + json.dumps(dict(e, id=e["id"] + "-z", type="vn.motcua.dossier.teleported.v1"), ensure_ascii=False)
        out.write(line + "\n")


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        pass
