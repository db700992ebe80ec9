# check=skip=JSONArgsRecommended,MaintainerDeprecated
FROM scratch
CMD run it
MAINTAINER Somebody
LABEL a b
