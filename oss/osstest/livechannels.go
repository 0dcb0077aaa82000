package osstest

import (
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// listLiveChannels is ListLiveChannel. The list is always empty, because channels cannot be created. Clients request it
// before they delete a bucket.
//
// See https://help.aliyun.com/en/oss/developer-reference/listlivechannel
func (x *exchange) listLiveChannels() (*reply, error) {
	size, err := x.number("max-keys", 100, 1, maxPage)
	if err != nil {
		return nil, err
	}
	return xmlReply(http.StatusOK, ossxml.LiveChannelList{
		Prefix: x.query.Get("prefix"), Marker: x.query.Get("marker"), MaxKeys: size,
	}), nil
}
