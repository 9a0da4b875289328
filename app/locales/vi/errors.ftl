# Lỗi của API, và các trang báo một điều.

error-token_missing = Yêu cầu chưa có mã truy cập. Gửi kèm tiêu đề “Authorization: Bearer …”; tạo mã bằng “lienthong token issue”.
error-token_invalid = Mã truy cập không phải của hệ thống này hoặc đã bị sửa. Tạo mã mới bằng “lienthong token issue” với tệp cấu hình của chính dịch vụ này.
error-token_expired = Mã truy cập đã hết hạn. Tạo mã mới bằng “lienthong token issue”.
error-scope_missing = Mã truy cập thiếu quyền “{ $what }”.
error-store_unavailable = Kho dữ liệu tạm thời không trả lời; chưa có gì bị mất. Xin thử lại sau ít giây.
error-no_broker = Hệ thống này không dùng RabbitMQ nên không có thông điệp nào bị nó bỏ cuộc.
error-broker_unavailable = Không đọc được hàng đợi của RabbitMQ; chưa có gì bị mất, những gì đã nhận vẫn được giữ. Xin thử lại. ({ $what })
error-too_slow = Yêu cầu mất quá nhiều thời gian. Xin thử lại, hoặc hỏi ít dữ liệu hơn.
error-internal = Lỗi bên trong Liên thông. Xem nhật ký theo mã x-request-id của câu trả lời này.
error-no_such_address = Không có địa chỉ này.
error-wrong_method = Địa chỉ này không nhận phương thức đó.
error-metrics_off = Số đo đang tắt trong cấu hình.
error-no_such_dossier = Chưa có hồ sơ nào mang mã { $what }.
error-no_such_operation = Không có thao tác số { $what }.
error-no_such_entry = Không có bản ghi cách ly số { $what }.
error-no_such_file = Không có tệp số { $what }, hoặc đã hết thời hạn giữ.
error-no_such_request = Không có gói tin số { $what }.
error-file_waiting = Tệp chưa tải được từ Cổng; hệ thống đang thử lại, xin hỏi lại sau.
error-file_not_here = Tệp này không tải được hoặc không được nhận; lý do ở trang Từ Cổng.
error-closed_already = Bản ghi cách ly số { $what } đã đóng rồi.
error-unknown_state = Không có trạng thái “{ $what }”.
error-number_unreadable = “{ $what }” không phải là số.
error-query_unreadable = Không đọc được tham số của yêu cầu: { $what }
error-cursor_unreadable = “{ $what }” không phải vị trí đọc; dạng đúng là KỶ-SỐ, ví dụ 1-42.
error-epoch_changed = Kho dữ liệu đã được phục hồi nên vị trí đọc cũ không còn đúng. Đọc lại từ { $what } và bỏ qua những gì đã có.
error-body_unreadable = Không đọc được nội dung gửi lên, hoặc nội dung lớn quá mức cho phép. { $what }
error-body_empty = Yêu cầu không có nội dung.
error-batch_unreadable = Lô sự kiện phải là một mảng JSON: { $what }
error-content_type = Không nhận loại nội dung “{ $what }”; dùng application/cloudevents+json hoặc application/cloudevents-batch+json.
error-reason_missing = Phải ghi lý do.
error-not_allowed = { $what ->
    [ended] Thao tác đã kết thúc nên không còn gì để làm.
    [running] Thao tác đang nằm ở đối tác nên chưa làm được. Đợi lần gửi này kết thúc rồi thử lại.
    [reason_missing] Chưa ghi lý do nên chưa làm gì. Xin ghi lý do rồi gửi lại.
    [awaiting] Đối tác đã nhận bản này và chưa trả kết quả nên không sửa được nữa. Đợi kết quả.
    [doubtful] Chưa rõ đối tác đã ghi nhận bản trước hay chưa nên chưa sửa được. Đợi Liên thông hỏi lại xong rồi thử lại.
    [begun] Đối tác có thể đã nhận bản trước, nên chỉ được gửi lại y nguyên. Muốn đổi nội dung: huỷ rồi lập yêu cầu mới với mã mới.
    [snapshot] Hồ sơ chưa có thông tin đầy đủ. Nhờ phần mềm một cửa phát toàn bộ hồ sơ; bản đó sẽ thay cho bản đang giữ.
    [decision] Thao tác đang chờ một quyết định. Xác nhận bằng “Gửi lại” hoặc “Bỏ qua” trước.
    [nothing_to_edit] Thao tác này không mang dữ liệu nào sửa được.
    [unchanged] Nội dung chưa có gì thay đổi nên chưa gửi.
    [recreated] Bước này chỉ đi khi đối tác báo đã tạo lại hồ sơ; khi đó hệ thống tự gửi. Nếu không cần nữa thì bỏ qua.
    [no_connector] Chưa có kết nối nào của hệ thống thực hiện được việc này nên chưa gửi được. Có thể bỏ qua thao tác, hoặc đợi kết nối đó được cài đặt.
    [fenced] Kho dữ liệu vừa được phục hồi nên chưa gửi gì cho đến khi có quyết định chung (lienthong restore status). Sau đó mới gửi lại được từng thao tác.
    [not_fenced] Kho dữ liệu không ở trạng thái chờ sau phục hồi, hoặc đã có người quyết định rồi.
    [not_marked] Chưa rà xong các thao tác đang mở nên chưa quyết định được. Đợi ít giây rồi thử lại; dịch vụ phải đang chạy.
   *[other] Lúc này không làm được việc đó với thao tác ({ $what }).
}
error-edit_identity = Không sửa được { $what }: đây là chỗ nhận ra hồ sơ, khoản hoặc bưu gửi. Muốn việc khác thì lập yêu cầu mới; phần tử của danh sách thì giữ nguyên id và đặt "deleted": true nếu muốn bỏ.
error-edit_money = Không sửa được { $what }: đây là số tiền hoặc nơi nhận tiền. Huỷ khoản này rồi lập khoản mới với mã mới.
error-edit_course = Không sửa được { $what }: phần này do sự kiện của phần mềm một cửa quyết định. Nhờ phần mềm một cửa phát sự kiện tương ứng.
error-edit_length = Không sửa được { $what }: danh sách này giữ nguyên số phần tử. Muốn bỏ cả thao tác thì bỏ qua có lý do.
error-edit_misfit = Nội dung chưa đúng (chỗ – cần có – nhận được): { $what }
error-edit_stale = Thao tác đã được người khác sửa hoặc đã đổi từ khi bạn mở nó (bản hiện nay: { $what }). Mở lại, xem bản mới rồi sửa tiếp.
error-no_such_lane = Không có luồng nào mang số { $what }.
error-unknown_owner = Không có nhóm người xử lý “{ $what }”. Dùng: unit, administrator, partner, nobody.
error-no_catalogue = Không có kết nối nào có danh mục tên { $what }, hoặc có nhiều hơn một: hãy nêu tên.
error-not_in_catalogue = Danh mục của Cổng không có mã { $what }, hoặc mã đã bị bỏ.
error-mapping_clashes = Mã này đã được xác nhận ứng với mã khác trong cùng thời gian ({ $what }). Thu hồi xác nhận đó trước, hoặc ghi ngày hiệu lực.
error-no_such_mapping = Không có xác nhận số { $what }.
error-no_such_replay = Không có kế hoạch gửi lại số { $what }.
error-value_unknown = Giá trị “{ $what }” không dùng được ở đây.
error-replay_not_allowed = Kế hoạch đang ở trạng thái “{ $what }” nên không làm được việc đó.
error-no_such_incident = Không có sự cố đang mở nào mang số { $what }.
error-closes_itself = Sự cố { $what } tự đóng khi thứ còn thiếu được bổ sung hoặc đối tác hoạt động lại; không đóng bằng tay.
error-no_such_partner = Cấu hình không có kết nối { $what }.
error-moment_unreadable = “{ $what }” không phải thời điểm; dạng đúng: 2026-12-01T06:00 (giờ Việt Nam). Khi phục hồi còn có thể ghi restore hoặc none.
error-partner_not_allowed = { $what ->
    [not_held] Đối tác này không bị tạm ngừng nên không có gì để cho gửi lại.
    [not_open] Đối tác này không mất liên lạc nên không cần hỏi thử.
    [held] Đang tạm ngừng gửi tới đối tác này nên không hỏi thử. Cho gửi lại trước.
    [until_past] Thời điểm kết thúc đã qua. Chọn một thời điểm sau lúc này.
    [reason_missing] Chưa ghi lý do nên chưa làm gì. Xin ghi lý do rồi gửi lại.
   *[other] Lúc này không làm được việc đó với đối tác ({ $what }).
}

notice-dossier = Chưa có hồ sơ mang mã { $what }
    .next = Kiểm tra lại mã trên giấy hẹn. Nếu mã đúng, phần mềm một cửa chưa phát sự kiện nào của hồ sơ này, hoặc sự kiện đang nằm ở mục Cách ly.
notice-operation = Không có thao tác số { $what }
    .next = Có thể số đã chép nhầm. Mở danh sách Thao tác để tìm.
notice-lane = Không có luồng bị chặn số { $what }
    .next = Có thể luồng đã chạy tiếp, hoặc số đã chép nhầm. Mở danh sách Luồng bị chặn để xem.
notice-entry = Không có bản ghi cách ly số { $what }
    .next = Có thể số đã chép nhầm. Mở mục Cách ly để tìm.
notice-partner = Không có đối tác { $what }
    .next = Có thể tên đã chép nhầm. Mở trang Toàn tỉnh hôm nay để chọn.
notice-replay = Không có kế hoạch gửi lại số { $what }
    .next = Có thể số đã chép nhầm. Mở mục Gửi lại để tìm.
notice-address = Không có trang này: { $what }
    .next = Có thể địa chỉ đã chép nhầm. Bắt đầu lại từ trang Toàn tỉnh hôm nay.
notice-forbidden = Bạn chưa có quyền làm việc này
    .next = Nhờ quản trị hệ thống cấp mã truy cập có thêm quyền (lienthong token issue), rồi đăng nhập lại.
notice-form = Biểu mẫu đã cũ hoặc không phải của trang này
    .next = Chưa có gì thay đổi. Quay lại, tải lại trang rồi gửi lại biểu mẫu.
notice-question = Không hiểu điều kiện lọc “{ $what }”
    .next = Mở lại danh sách Thao tác và chọn từ các ô lọc.
notice-store = Kho dữ liệu tạm thời không trả lời
    .next = Chưa có gì bị mất: sự kiện chờ ở hàng đợi. Tải lại trang sau ít giây; nếu vẫn vậy, kiểm tra máy chủ cơ sở dữ liệu.

# Trả lời cho phần mềm một cửa gọi theo trục cũ: docs/vendor.md. Các cụm "thành công", "đã tồn tại" là để máy đọc.
vendor-done = Đã lưu { $taken }/{ $all } mục thành công tại Liên thông; Cổng DVC quốc gia ghi nhận sau, tra bằng TraCuuHoSo.
vendor-part = Đã lưu { $taken }/{ $all } mục; mục đã lưu có thể gửi lại nguyên văn.
vendor-stored = Đã lưu { $what }.
vendor-repeated = Đã nhận { $what } từ trước.
vendor-exists = Hồ sơ { $what } đã tồn tại.
vendor-refused = Chưa nhận { $what } - { $field }: { $expected }.
vendor-empty = Yêu cầu không có mục nào: cần một mảng JSON.
vendor-unreadable = Nội dung không phải JSON đọc được; chưa lưu gì.
vendor-too-large = Nội dung quá lớn; hãy chia nhỏ. Chưa lưu gì.
vendor-mode = Thiếu isUpdating: True hoặc False. Chưa lưu gì.
vendor-service = Không có dịch vụ { $what } ở địa chỉ này.
vendor-stranger = Không đăng nhập được: mã truy cập, mật khẩu hoặc phiên làm việc không đúng.
vendor-expired = Phiên làm việc hoặc mã truy cập đã hết hạn; hãy đăng nhập lại.
vendor-unavailable = Kho dữ liệu tạm thời không trả lời; hãy gửi lại nguyên văn, không sinh đôi.
vendor-session = Đăng nhập thành công.
vendor-catalogue = Chưa có { $what } ở Liên thông (danh mục chưa lấy về, hoặc không có mã này); đừng coi là rỗng.
error-no_look_ups = Không có kết nối nào tra cứu được hồ sơ tên { $what }, hoặc có nhiều hơn một: hãy nêu tên.
error-no_such_discrepancy = Không có chênh lệch số { $what }.
error-discrepancy_closed = Chênh lệch này đã đóng.
error-discrepancy_busy = Hồ sơ đang có thao tác dở dang nên chưa làm được. Đợi thao tác đó xong rồi thử lại.
error-discrepancy_not_so = Không làm được việc này với chênh lệch này.
notice-discrepancy = Không có chênh lệch số { $what }
    .next = Có thể số đã chép nhầm. Mở mục Đối soát để tìm.
