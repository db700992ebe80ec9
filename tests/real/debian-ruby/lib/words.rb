def count(text) = text.split.tally.sort.map { |w, n| "#{w}=#{n}" }.join(' ')
